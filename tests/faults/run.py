"""A whole plan on one stage, with a progress bar where somebody watches."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.faults.driver import Driver
from tests.faults.plan import Planned
from tests.faults.report import Report
from tests.faults.stage import HungError, Stage


def run(plan: Sequence[Planned], stage: Stage, console: Console) -> Report:
    """Stage a plan's faults; ends early when the stage cannot be put in order any more."""
    report, driver = Report(), Driver(stage)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    try:
        with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
            task = progress.add_task("Starting", total=len(plan))
            stage.adjust(plan[0].workers)
            for planned in plan:
                progress.update(task, description=planned.fault.name)
                staged = driver.run(planned)
                report.staged.append(staged)
                if not console.is_terminal:
                    console.log(staged.line(planned.number), markup=False, highlight=False)
                if not staged.exact:
                    console.print("\n".join(report.findings()[-5:]), style="red", markup=False)
                if staged.hung is not None:
                    stage.restart()
                progress.advance(task)
        report.again = driver.read_again()
    except (HungError, AssertionError) as error:
        console.print(f"The stage does not come back: {error}", style="red", markup=False)
        report.broken = True
    finally:
        driver.close()
    return report
