"""`evidence/<topic>/flow.json`: how tensors go through a region, and whether it still is so.

A diagram is bound to the same key as the evidence of its region: where the code shown, its tests or
anything else that they rest on is no longer what was run, it is stale.
"""

import re
from dataclasses import dataclass

from kb.evidence import store
from kb.evidence.judge import Judge, State, changes
from kb.evidence.keys import content_key
from kb.evidence.regions import is_file, read_file
from kb.evidence.store import PROVE
from kb.markdown.engine import BadInput

TARGET = re.compile(rf"(?P<topic>[\w/]+)/{store.FLOW}\.json:(?P<region>\w+)")


@dataclass(frozen=True)
class Flow:
    name: str
    """`non_local/flow.json:module`."""
    title: str
    """Of the region."""
    state: State
    """UNTESTED, STALE, or VERIFIED, which for a diagram means that it was traced."""
    reason: str
    """Why it isn't traced."""
    command: str
    recorded: str = ""
    key: str = ""
    flow: dict | None = None
    """None where there is none."""


def is_flow(target: str) -> bool:
    return target.partition(":")[0].endswith(f"/{store.FLOW}.json")


def read_flow(judge: Judge, target: str) -> Flow:
    """The diagram that an embed names. Raises BadInput where it can't be shown."""
    root = judge.project.root
    match = TARGET.fullmatch(target)
    file = f"{match['topic']}.py" if match else ""
    if not match or not is_file(root, file):
        raise BadInput(
            f"嵌入 {target!r}：数据流图写成 文件/{store.FLOW}.json:区域，"
            f"snippets/ 里的 a.py 的区域 b 是 a/{store.FLOW}.json:b。"
        )
    regions, name = read_file(root, file), f"{file}:{match['region']}"
    if name not in regions:
        raise BadInput(f"嵌入 {target!r}：snippets/{file} 里没有区域 {match['region']!r}。")
    title, command = regions[name].title, f"{PROVE} {file}"
    document = store.read_flows(judge.folder, file)
    if document is None:
        return Flow(target, title, State.UNTESTED, "还没有追踪过", command)
    flow = document["flows"].get(name)
    if flow is None:
        there = "、".join(each.partition(":")[2] for each in document["flows"])
        raise BadInput(
            f"嵌入 {target!r}：记录证据时，测试没有用小的张量调用过这个区域的类或函数，画不出来。"
            f"画出来的有：{there or '（没有）'}。"
        )
    run = store.read_run(judge.folder, file, "cpu")
    inputs = judge.inputs(file, run, "cpu")
    key = content_key(name, regions[name].text, inputs)
    fresh = flow["key"] == key
    reason = "" if fresh else changes(run, inputs) if run else "没有它的证据"
    state = State.VERIFIED if fresh else State.STALE
    return Flow(target, title, state, reason, command, document["recorded"], key, flow)


def outdated_flow(flow: Flow) -> str | None:
    """What is wrong with a diagram on a page, and how to mend it; None where nothing is."""
    if flow.state is State.VERIFIED:
        return None
    return f"图 {flow.name} {flow.state.value}（{flow.reason}）。提交以后运行：{PROVE}"
