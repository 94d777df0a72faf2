"""改错的代码遇上测试：每一次一个新的进程、一份新的副本；几件事一起做，先后不乱。"""

import pytest

from kb.evidence.pool import BROKEN_IMPORT, NOTICED, SURVIVED, Job, Pool, read_end, work
from tests.kb.lab import SNIPPET

HALF = "tests/snippets/test_numbers.py::test_half[cpu]"
FILES = {"snippets/__init__.py", "snippets/numbers.py", "snippets/other.py", "tests/snippets/test_numbers.py"}
FILES |= {"tests/conftest.py", "pyproject.toml"}


SHARED = '''\
import time

import pytest


@pytest.fixture(scope="module", params=["a", "b"])
def slow(request):
    time.sleep({"a": 0.5, "b": 0.0}[request.param])
    return request.param


@pytest.mark.parametrize("number", [1, 2])
def test_it(slow, number):
    assert (slow, number) != ("b", 2)
'''


class TestThePool:
    def test_what_is_shared_is_made_once(self, recorded, tmp_path):
        """最快的在前；但是共用一个夹具的在一起，不一会儿拆掉、一会儿又做。"""
        test = "tests/snippets/test_numbers.py"
        files = {name: (recorded.root / name).read_bytes() for name in FILES} | {test: SHARED.encode()}
        ids = [f"{test}::test_it[{shared}-{number}]" for number in (2, 1) for shared in "ab"]
        with Pool(files, 1, str(tmp_path)) as pool:
            code, workspace = pool.alone("numbers.py", SNIPPET.encode(), ids, 60)
        end = read_end(workspace)
        ran = {id.partition("::")[2]: seconds for id, seconds in end["seconds"].items()}
        assert (code, list(ran)) == (NOTICED, ["test_it[a-2]", "test_it[a-1]", "test_it[b-2]"])
        assert min(ran["test_it[a-2]"], ran["test_it[a-1]"]) >= 0.5, "每一项都要等它"
        assert end["took"] >= 0.5

    def run(self, recorded, tmp_path, source, limit):
        ended = []
        files = {name: (recorded.root / name).read_bytes() for name in FILES}
        with Pool(files, 1, str(tmp_path)) as pool:
            pool.start("job", "numbers.py", source, [HALF], limit)
            assert (tmp_path / "0/snippets/numbers.py").read_bytes() == source
            while pool.running:
                ended += [(job, code) for job, code, _ in pool.finished()]
        ((job, code),) = ended
        return code

    def test_code_that_cannot_be_imported(self, recorded, tmp_path):
        assert self.run(recorded, tmp_path, b"raise ValueError", limit=600) == BROKEN_IMPORT

    def test_what_never_ends_is_killed(self, recorded, tmp_path):
        assert self.run(recorded, tmp_path, b"while True:\n    pass\n", limit=3) < 0

    def test_what_takes_long_leaves_its_place_to_another(self, recorded, tmp_path, monkeypatch):
        monkeypatch.setattr("kb.evidence.pool.LONG", 0.2)
        files = {name: (recorded.root / name).read_bytes() for name in FILES}
        with Pool(files, 1, str(tmp_path)) as pool:
            pool.start("long", "numbers.py", b"import time\ntime.sleep(3600)\n", [HALF], 7200)
            assert pool.free == []
            while not pool.free:
                assert list(pool.finished()) == []
            pool.start("another", "numbers.py", SNIPPET.encode(), [HALF], 7200)
            while not (ended := [(job, code) for job, code, _ in pool.finished()]):
                pass
            assert ended == [("another", SURVIVED)]
            assert ([run.job for run in pool.running], len(pool.free)) == (["long"], 1)

    def test_each_has_a_copy_and_a_temporary_folder_of_its_own(self, recorded, tmp_path):
        """上一处改错留下什么，都到不了下一处。"""
        leaves = (
            "import tempfile\nfrom pathlib import Path\n\nfor folder in {Path.cwd(), Path(tempfile.gettempdir())}:\n"
            "    assert not Path(folder, 'left').exists()\n    Path(folder, 'left').write_text('')\n"
            "Path('tests/conftest.py').write_text('raise OSError')\n"
        )
        source = SNIPPET.replace("import torch\n", f"{leaves}import torch\n", 1).encode()
        files = {name: (recorded.root / name).read_bytes() for name in FILES}
        with Pool(files, 1, str(tmp_path)) as pool:
            codes = [pool.alone("numbers.py", source, [HALF], limit=600)[0] for _ in range(2)]
        assert codes == [SURVIVED, SURVIVED]

    def test_the_tests_see_nothing_of_the_shell(self, recorded, tmp_path, monkeypatch):
        monkeypatch.setenv("KB_HERE", "1")
        asks = "import os\n\nimport torch\n\nassert 'KB_HERE' not in os.environ and 'PATH' in os.environ\n"
        source = SNIPPET.replace("import torch\n", asks, 1)
        assert self.run(recorded, tmp_path, source.encode(), limit=600) == SURVIVED


class Ends:
    """A pool whose jobs end when a test says so, the one that began last first."""

    def __init__(self, workers: int):
        self.workers = workers
        self.free = list(range(workers))
        self.running = []
        self.began = []

    def start(self, job, file, source, ids, limit):
        self.free.pop()
        self.running.append(job)
        self.began.append(file)

    def finished(self):
        self.free.append(0)
        yield self.running.pop(), SURVIVED, None


class TestWork:
    def stages(self, ended, *names):
        for stage in names:
            yield [Job(name, b"", [], 1.0, lambda code, workspace, name=name: ended.append(name)) for name in stage]

    def test_a_stage_begins_when_all_of_the_one_before_have_ended(self):
        ended = []
        work(pool := Ends(2), [self.stages(ended, ["a", "b", "c"], [], ["d"])])
        assert pool.began == ["a", "b", "c", "d"]
        assert ended == ["b", "c", "a", "d"]

    def test_what_follows_begins_while_one_waits_for_its_last(self):
        ended = []
        work(pool := Ends(2), [self.stages(ended, ["a"], ["b"]), self.stages(ended, ["c", "d"])])
        assert pool.began == ["a", "c", "d", "b"]

    def test_one_place_is_for_the_next(self):
        """Where all of one only wait, something is done meanwhile."""
        ended = []
        work(pool := Ends(3), [self.stages(ended, ["a", "b", "c"]), self.stages(ended, ["d", "e"])])
        assert pool.began == ["a", "b", "d", "e", "c"]

    def test_those_before_come_first_again(self):
        """Done topic after topic, so that one is stored before the next is half through."""
        ended = []
        work(pool := Ends(1), [self.stages(ended, ["a"], ["b"]), self.stages(ended, ["c", "d"])])
        assert pool.began == ["a", "b", "c", "d"] == ended
