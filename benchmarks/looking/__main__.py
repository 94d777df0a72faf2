"""`python -m benchmarks.looking`：算出权重，写成 benchmarks/figures/looking.json 和 weights.bin。"""

from benchmarks.looking import main

main()
