"""``python -m dosecalc`` is the ``dosecalc`` command."""

from dosecalc.cli import run

if __name__ == "__main__":
    run()
