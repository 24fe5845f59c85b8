"""Ask music21 whether it can parse a tune, and what it reads, in a process that can be killed.

There are texts on which music21 never ends or takes all memory, ``M:99999999/1`` for one. This
file is also the program of that process, and for that imports nothing of the package.
"""

import contextlib
import importlib.util
import json
import queue
import subprocess
import sys
import threading
from types import TracebackType

START_SECONDS = 120.0  # to import music21
MEMORY_BYTES = 2**32


class Music21:
    """music21 in a process of its own, started for the first tune and kept for those that follow.

    A ``with`` statement ends the process.

    Parameters
    ----------
    seconds : float
        How long a tune may take. The process is then killed, and the next tune gets another.

    Raises
    ------
    ModuleNotFoundError
        If music21 is not installed.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        if importlib.util.find_spec("music21") is None:
            raise ModuleNotFoundError("tunes are judged with music21: pip install music21")
        self.seconds = seconds
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __enter__(self) -> "Music21":
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process."""
        self.close()

    def objection(self, tune: str) -> str | None:
        """Say why music21 cannot parse a tune; None if it can, and finds a note in it.

        Raises
        ------
        RuntimeError
            If music21 cannot be imported.
        """
        return self._ask(tune, "judge")["objection"]

    def musicxml(self, tune: str) -> str:
        """Return a tune as MusicXML, the notation that programs exchange scores in.

        Raises
        ------
        ValueError
            If music21 cannot parse the tune; the message says why.
        RuntimeError
            If music21 cannot be imported.
        """
        # Accidentals hold until the end of the bar for every octave, as in `abc_reader`.
        answer = self._ask(f"%abc-2.1\nX:1\n{tune}", "export")
        if answer["objection"]:
            raise ValueError(f"music21 cannot read this tune: {answer['objection']}")
        return answer["musicxml"]

    def _ask(self, tune: str, what: str) -> dict[str, str | None]:
        process = self._process or self._start()
        try:
            process.stdin.write(json.dumps([what, tune]) + "\n")
            process.stdin.flush()
            answer = self._answers.get(timeout=self.seconds)
        except OSError:
            answer = ""
        except queue.Empty:
            answer = json.dumps({"objection": f"it was not done after {self.seconds:g} seconds"})
            self.close()
        if not answer:
            self.close()
            return {"objection": "its process broke down"}
        return json.loads(answer)

    def close(self) -> None:
        """Kill the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(OSError):  # what it will never read
                self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        # -P: the modules beside this one shall not stand in for others of the same name.
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._answers = queue.SimpleQueue()
        # A pipe cannot be read with a time limit on every system; a queue can.
        arguments = (self._process, self._answers)
        threading.Thread(target=_forward, args=arguments, daemon=True).start()
        with contextlib.suppress(queue.Empty):
            if self._answers.get(timeout=START_SECONDS):
                return self._process
        self.close()
        raise RuntimeError("music21 is installed but cannot be imported; try: import music21")


def _forward(process: subprocess.Popen[str], answers: "queue.SimpleQueue[str]") -> None:
    with process.stdout as stream:
        for line in stream:
            answers.put(line)
    answers.put("")


def _serve() -> None:
    from music21 import converter
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    # Not every system has such limits, or keeps them.
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever music21 has to say is no answer
    print("null", file=answers, flush=True)
    for line in sys.stdin:
        what, tune = json.loads(line)
        answer = {"objection": None}
        try:
            score = converter.parseData(tune, format="abc")
            if not score.flatten().notes:
                answer["objection"] = "there is no note in it"
            elif what == "export":
                answer["musicxml"] = GeneralObjectExporter().parse(score).decode()
        except Exception as error:
            answer["objection"] = f"{type(error).__name__}: {error}"[:200]
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
