"""嵌入块下面的证据：状态是按显示出来的文字判定的，读得出来，也打得开。"""

import re

import pytest

from kb.evidence.imports import Project
from kb.evidence.keys import content_key, read_inputs
from kb.evidence.store import write_run
from kb.extension import SETTINGS
from kb.markdown.engine import BadInput
from kb.markdown.html import code_text


def badge(page, name="numbers.py:double"):
    return page.select_one(f"figure[data-code='{name}'] > details.evidence")


def lines(details):
    return [" ".join(line.text.split()) for line in details.select("summary > .device")]


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "mkdocs.kb"]


class TestTheQuietLine:
    def test_verified(self, verified):
        assert lines(badge(verified.page())) == ["已验证 · 3 项测试 · 最大误差 0"]

    def test_what_is_alike_for_all_is_said_once_at_the_head(self, verified):
        torch = verified.evidence["environment"]["packages"]["torch"]
        date = verified.evidence["recorded"][:10]
        (line,) = verified.page().select(".note-head > .proven")
        assert line.text == f"2 段代码：CPU 全部已验证，CUDA 没有运行过。torch {torch}，{date} 记录。"
        assert line.has_attr("data-search-exclude")

    def test_what_is_not_alike_is_counted(self, proven):
        proven.edit("snippets/numbers.py", "return x / 2", "return x  / 2")
        assert proven.page().select_one(".proven").text.startswith("2 段代码：CPU 全部已过期，CUDA 没有运行过。")

    def test_under_the_heading_of_a_page_that_is_no_note(self, proven):
        proven.write("docs/all.md", '# 页\n\n文字\n\n``` {.python .embed}\n--8<-- "numbers.py:half"\n```\n\n')
        page = proven.page("all.md")
        assert page.h1.find_next_sibling().text.startswith("1 段代码：CPU 已验证")

    def test_a_page_without_code_says_nothing(self, proven):
        proven.write("docs/posts/2.md", "---\ntitle: 笔记\n---\n\n文字\n")
        assert proven.page("posts/2.md").select(".proven") == []

    def test_the_largest_error(self, proven):
        def edit(run):
            for id, error in (("bfloat16", 0.0069), ("float64", 3.2e-16)):
                (fact,) = run["tests"][f"tests/snippets/test_numbers.py::test_double[cpu-torch.{id}]"]["facts"]
                fact["relative"] = error

        proven.change(edit)
        assert "最大误差 6.9×10⁻³" in lines(badge(proven.page()))[0]

    def test_stale(self, proven, caplog):
        proven.edit("snippets/numbers.py", "2 * x", "2  * x")
        (cpu,) = lines(badge(proven.page()))
        assert re.fullmatch(r"已过期 · \d{4}-\d\d-\d\d 记录以后，snippets/numbers.py 改了", cpu)
        assert "项测试" not in cpu

    def test_whole_files_have_one_too_above_the_code(self, verified):
        page = verified.page("snippets/numbers.md")
        figure = page.select_one("figure.embed")
        assert figure.find(recursive=False) == badge(page, "numbers.py")
        assert lines(badge(page, "numbers.py"))[0].startswith("已验证 · 4 项测试")

    def test_regions_of_the_same_file_are_judged_apart(self, verified):
        page = verified.page()
        assert lines(badge(page, "numbers.py:half"))[0].startswith("已验证 · 1 项测试")


class TestTheBytesShown:
    def test_the_key_is_of_the_rendered_text(self, recorded):
        page = recorded.page()
        for figure in page.select("figure.embed"):
            name = figure["data-code"]
            key = content_key(name, figure.code.text, read_inputs(Project(recorded.root), "numbers.py"))
            assert figure.details["data-key"] == key == recorded.evidence["regions"][name]["key"]

    def test_a_renderer_that_alters_the_code_loses_the_tick(self, proven, monkeypatch):
        monkeypatch.setitem(SETTINGS["pymdownx.highlight"], "stripnl", True)
        proven.edit("snippets/numbers.py", "[start:half] 除以二\n", "[start:half] 除以二\n\n")
        proven.commit()
        assert proven.record() == ""
        assert [each.text for each in badge(proven.page(), "numbers.py:half").select("summary .state")][0] == "已过期"
        monkeypatch.undo()
        assert [each.text for each in badge(proven.page(), "numbers.py:half").select("summary .state")][0] == "部分验证"

    def test_a_step_that_alters_it_after_the_judgement_ends_the_build(self, proven, monkeypatch):
        """判定以后还有别的步骤：读者看到的要是判定的那些字符。"""
        from markdown.postprocessors import AndSubstitutePostprocessor

        def swap(self, text):
            return text.replace("<span class=\"mi\">2</span>", "<span class=\"mi\">3</span>")

        monkeypatch.setattr(AndSubstitutePostprocessor, "run", swap)
        with pytest.raises(BadInput, match="docs/posts/1.md：embed-numbers-double 的代码在页面上与判定时的不同"):
            proven.page()

    def test_decoding(self):
        assert code_text("<pre>a</pre><code><span>x</span> &lt; &amp;amp;\n</code>b") == "x < &amp;\n"


def report_on(lab, name="embed-numbers-double"):
    lab.write("docs/verification/numbers.md", "---\ntitle: 证据：numbers.py\nfill: report\nof: numbers.py\n---\n\n<!-- -->\n")
    return lab.page("verification/numbers.md").find(id=name)


class TestWhatItOpensInto:
    def test_links_to_the_whole_file_and_to_the_report(self, proven):
        report_on(proven)
        details = badge(proven.page())
        assert [link["href"] for link in details.select("p > a")] == [
            "../../snippets/numbers/#__span-numbers-7",
            "../../verification/numbers/#embed-numbers-double",
        ]
        assert details["data-key"] == report_on(proven)["data-key"]

    def test_no_link_to_a_page_that_is_not_there(self, proven):
        (proven.root / "docs/verification/numbers.md").unlink(missing_ok=True)
        assert badge(proven.page()).select(".to-report") == []


class TestReport:
    @pytest.fixture
    def copy(self, recorded, tmp_path):
        return recorded.copy(tmp_path)

    @pytest.fixture
    def report(self, copy):
        return report_on(copy)

    def test_of_a_file_that_is_gone(self, copy):
        copy.write("docs/verification/gone.md", "---\nfill: report\nof: gone.py\n---\n\n<!-- -->\n")
        with pytest.raises(BadInput, match="docs/verification/gone.md：snippets/ 里没有 gone.py。运行 kb pages"):
            copy.page("verification/gone.md")

    def test_a_section_for_each_region(self, copy):
        report_on(copy)
        ids = [each["id"] for each in copy.page("verification/numbers.md").select("section.report")]
        assert ids == ["embed-numbers", "embed-numbers-double", "embed-numbers-half"]

    def rows(self, report, caption):
        for table in report.find_all("table"):
            if caption in table.caption.text:
                return [
                    [" ".join(cell.get_text(" ").split()) for cell in row.find_all(["th", "td"])]
                    for row in table.find_all("tr")
                ]

    def test_tests(self, report):
        assert self.rows(report, "测试") == [
            ["测试", "结果"],
            ["test_double test_numbers.py:8", "2 项通过"],
            ["test_double_refuses_integers test_numbers.py:14", "1 项通过"],
            ["这些测试文件里的其他测试，没有运行到这段代码", "1 项通过"],
        ]

    def test_tests_link_to_their_lines(self, recorded, proven):
        proven.write(
            "docs/tests/test_numbers.md", '``` {.python .embed}\n--8<-- "tests/snippets/test_numbers.py"\n```\n\n'
        )
        link = report_on(proven).select_one("table a")
        assert link["href"] == "../../tests/test_numbers/#__span-test_numbers-8"
        page = proven.page("tests/test_numbers.md")
        assert "parametrize" in page.find(id="__span-test_numbers-8").text
        assert page.select_one("figcaption").text.startswith("测试代码")
        assert page.select("details.evidence") == []

    def test_and_to_the_repository_where_there_is_one(self, proven):
        proven.edit("mkdocs.yml", "site_name: ", "repo_url: https://git.example/x/y/\nsite_name: ")
        link = report_on(proven).select_one("a.in-repository")
        assert link["href"] == "https://git.example/x/y/blob/HEAD/tests/snippets/test_numbers.py#L8"

    def test_errors(self, report):
        assert self.rows(report, "误差") == [["对照", "float64", "bfloat16"], ["手算的值", "0 0", "0 0"]]

    def test_environment(self, report, recorded):
        facts = {term.text: term.find_next("dd").text for term in report.find_all("dt")}
        environment = recorded.evidence["environment"]
        assert facts["处理器"] == environment["processor"]
        assert facts["版本"].startswith(f"Python {environment['python']}，")
        assert f"torch {environment['packages']['torch']}" in facts["版本"]
        assert facts["记录于"].endswith(" UTC")
        assert facts["没有运行"] == "没有：函数体的每一行都被检验过，这些测试文件里没有跳过的测试"
        assert facts["变异测试"] == "未运行（kb prove）"
        assert "驱动" not in facts

    def test_how_to_repeat_it(self, report):
        commands = [code.text for code in report.select("p > code")]
        assert commands == ["kb prove numbers.py --all", "kb prove numbers.py --all --device cuda"]

    def test_what_did_not_run(self, proven):
        test = "tests/snippets/test_numbers.py::test_double_refuses_integers"
        proven.change(lambda run: run["tests"][test].update(outcome="skipped", why="缺了什么"))
        facts = {term.text: term.find_next("dd").text for term in report_on(proven).find_all("dt")}
        assert facts["没有运行"] == (
            "第 10 行；tests/snippets/test_numbers.py::test_double_refuses_integers（缺了什么）"
        )

    def test_cuda_says_who_recorded_it(self, proven):
        document = proven.evidence | {"device": "cuda"}
        document["environment"] = document["environment"] | {"driver": "580.1"}
        write_run(proven.root / "evidence", "numbers.py", document)
        details = badge(proven.page())
        assert [line.split(" · ")[0] for line in lines(details)] == ["已验证 CPU", "已验证 CUDA"]
        assert details.has_attr("data-search-exclude")
        report = report_on(proven).text
        assert report.count("由提交者记录，CI 未复核") == 1
        assert "580.1" in report


    def described(self, report):
        return {term.text: term.find_next("dd") for term in report.dl.find_all("dt")}

    def test_what_is_said_of_each(self, report):
        facts = self.described(report)
        assert {term: value.text for term, value in facts.items()} == {
            "代码": "numbers.py:double",
            "嵌入在": "笔记",
            "依赖": "只依赖 torch",
            "验证它的": "tests/snippets/test_numbers.py（3 项）",
            "对照": "手算的值",
        }
        assert facts["嵌入在"].a["href"] == "../../posts/1/#embed-numbers-double"
        assert facts["代码"].a["href"] == "../../snippets/numbers/#__span-numbers-7"

    def test_code_that_no_note_embeds(self, copy):
        copy.write("docs/verification/other.md", "---\nfill: report\nof: other.py\n---\n\n<!-- -->\n")
        _, zero = copy.page("verification/other.md").select("section.report")
        facts = self.described(zero)
        assert facts["嵌入在"].text == "没有一页嵌入它"

    def test_dependencies(self, proven):
        proven.edit("snippets/numbers.py", "return x / 2", "return double(other.zero(x)) / TWO if half else 0")
        proven.edit("snippets/numbers.py", "import torch\n", "import torch\nfrom snippets import other\nTWO = 2\n")
        facts = self.described(report_on(proven, "embed-numbers-half"))
        assert facts["依赖"].text == "snippets/other.py；同一文件的 TWO、double"


class TestTheBuild:
    def test_warns_of_what_is_not_verified(self, unrecorded, caplog):
        unrecorded.page()
        assert warnings(caplog) == [
            "numbers.py 在 CPU 上未运行（还没有在 CPU 上运行过）。提交以后运行：kb prove"
        ]

    def test_is_quiet_where_all_is_verified(self, verified, caplog):
        verified.page()
        assert warnings(caplog) == []

    def test_warns_of_broken_evidence_of_any_device(self, proven, caplog):
        proven.write("evidence/numbers/cuda.json", "{")
        proven.page()
        assert warnings(caplog)[0].startswith(
            "numbers.py 在 CUDA 上未运行。evidence/numbers/cuda.json:1：不是完整的 JSON"
        )

    def test_strict_fails_and_plain_goes_on(self, proven):
        proven.write("docs/snippets/other.md", "# 自己的一页\n")  # other.py 没有测试
        strict = ("mkdocs", "build", "--strict")
        code, output = proven.warm(*strict)
        assert code == 0, output
        proven.edit("snippets/numbers.py", "2 * x", "2  * x")
        code, output = proven.warm(*strict)
        assert code == 1
        assert output.count("在 CPU 上已过期") == output.count("WARNING") == 1
        assert "Traceback" not in output
        code, output = proven.warm("mkdocs", "build")
        assert code == 0
        assert output.count("在 CPU 上已过期") == 1
        proven.commit()
        assert proven.record() == ""
        assert proven.mutate()[0] == 0
        code, output = proven.warm(*strict)
        assert code == 0, output


class TestAuthorsCode:
    def test_fences_of_the_author_say_that_nobody_ran_them(self, project):
        page = project.render(
            "```python\nx = 1\n```\n\n- 一\n\n    ```\n    y\n    ```\n\n> ```c\n> z\n> ```\n\n文\n\n    indented\n\n<pre>raw</pre>\n"
        )
        blocks = page.find_all("pre")
        assert len(blocks) == 5
        for block in blocks:
            around = block.find_parent(class_="author-code")
            assert around.select_one(".author-code-label").text == "作者原文代码，未验证"
        assert len(page.select(".author-code-label")) == 5

    def test_embeds_and_words_do_not(self, project):
        page = project.render('``` {.python .embed}\n--8<-- "numbers.py:half"\n```\n\n文字 `code`\n')
        assert page.select(".author-code") == []

    def test_only_notes_have_authors(self, project):
        assert project.render("```\nx\n```\n", "x.md").select(".author-code") == []


class TestOverview:
    @pytest.fixture
    def page(self, proven):
        proven.write("docs/all.md", "---\nfill: verification\n---\n\n# 验证\n\n说明。\n")
        return proven.page("all.md")

    def test_every_piece_of_code_is_there(self, page):
        assert [heading.text for heading in page.find_all(["h2", "h3"])] == [
            "snippets/numbers.py",
            "snippets/other.py",
            "测试代码",
        ]
        assert [item.find(string=True) for item in page.select(".proofs > li")] == [
            "完整文件",
            "乘以二",
            "除以二",
            "完整文件",
            "零",
        ]
        assert [item.select_one("summary .state").text for item in page.select(".proofs > li")] == 3 * ["已验证"] + 2 * ["未运行"]

    def test_what_is_to_do(self, page):
        assert [line.text for line in page.select(".due li")] == ["other.py：CPU 上未运行：还没有在 CPU 上运行过"]

    def test_totals(self, page):
        rows = [[cell.text for cell in row.find_all("td")] for row in page.table.find_all("tr")][1:]
        assert rows == [
            ["已验证", "3", "0"],
            ["部分验证", "0", "0"],
            ["未通过", "0", "0"],
            ["已过期", "0", "0"],
            ["未运行", "2", "5"],
            ["合计", "5", "5"],
        ]

    def test_half_written_code_does_not_end_the_build(self, proven, caplog):
        proven.edit("snippets/numbers.py", "return x / 2", "return x /")
        proven.write("docs/all.md", "---\nfill: verification\n---\n\n# 验证\n\n说明。\n")
        assert "已过期" in proven.page("all.md").text
