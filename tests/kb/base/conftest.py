"""从前的版本写成的库在 version-*/ 里，它们的测试不是这里的。"""

collect_ignore_glob = ["version-*"]
