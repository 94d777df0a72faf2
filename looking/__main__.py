"""`python -m looking`：算出权重，写成 benchmarks/figures/looking.json 和 weights.bin。"""

from looking import main

main()
