"""What a version carries beside its files."""

import shutil
import subprocess
import sys
from pathlib import Path

import mlproject
from mlproject.registry.model_logging import CODE

_IMPORT_ALL = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"


def test_the_modules_that_a_version_carries_need_no_others_of_ours(tmp_path: Path) -> None:
    ours = Path(mlproject.__file__).parent
    for file in CODE:
        (tmp_path / "mlproject" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ours / file, tmp_path / "mlproject" / file)
    names = [
        ".".join(("mlproject", *Path(file).with_suffix("").parts)).removesuffix(".__init__")
        for file in CODE
    ]
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL, *names],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
