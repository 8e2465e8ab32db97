"""A methods section and tables of results, in which every number comes from the fit."""

import json
import platform
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from rwlib.fitting.models import TRANSFORMS, Model
from rwlib.fitting.request import check_share
from rwlib.results.checklist import (
    CITE,
    CITE_DIFFERENCES,
    LEFT_ABOUT_CONDITIONS,
    LEFT_ABOUT_DIFFERENCES,
    LEFT_TO_YOU,
)
from rwlib.results.contrasts import contrasts
from rwlib.results.findings import findings_of, tables_of
from rwlib.results.fitted import accepted, data_of, formulas_of, mean_over_people, model_of
from rwlib.results.methods import methods_of, plain
from rwlib.results.rules import RULES, SOURCES, has

__all__ = ["Written", "estimates", "report", "write_report"]


class Written(NamedTuple):
    """What :func:`report` wrote: paragraphs, tables, references, and what is missing.

    ``methods`` and ``results`` are Markdown with LaTeX formulas between dollar signs. ``estimates`` is that
    of :func:`estimates`, and ``differences`` that of :func:`rwlib.results.contrasts.contrasts`, or None
    without effects and shifts; ``tables`` holds both once more, as Markdown that fits a page. Intervals are
    equal-tailed. ``cite`` lists what to cite, and ``left_to_you`` what the fit cannot know.
    """

    methods: str
    results: str
    estimates: pd.DataFrame
    differences: pd.DataFrame | None
    cite: tuple[str, ...]
    tables: tuple[str, ...]
    left_to_you: tuple[str, ...]

    def __str__(self) -> str:
        """As Markdown."""
        parts = ["## Methods", self.methods, "## Results", self.results, *self.tables]
        parts += ["## Left to you", _bullets(self.left_to_you), "## References", _bullets(self.cite)]
        return "\n\n".join(parts) + "\n"


def report(
    fit: xr.DataTree,
    model: Model | None = None,
    *,
    rope: Mapping[str, float] | None = None,
    interval: float = 0.9,
) -> Written:
    """Write what a paper must say about a fit.

    That is the data, the model with its formulas and priors, the sampler, its diagnostics, and estimates. The
    rule of an agent of your own cannot be read from its code: the text says so in capitals, and you put
    it there. What else the fit does not know, ``left_to_you`` lists.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`. Where it was thinned, the results are of the draws that are
        left, and the text has both numbers.
    model : Model, optional
        The model that was fitted, where its agent is the user's own.
    rope : dict, optional
        As in :func:`rwlib.results.contrasts.contrasts`.
    interval : float in (0, 1), default 0.9
        Share of the draws in the central intervals.

    Returns
    -------
    written : Written
        Printed, it is Markdown; :func:`write_report` makes a file of it.

    Raises
    ------
    ValueError
        If :func:`rwlib.fitting.diagnostics.check` refuses the fit: there is nothing to report then. Also if
        ``interval`` is not in (0, 1), ``rope`` is refused by :func:`rwlib.results.contrasts.contrasts` or
        there is nothing that it could be about, the fit is of another model, or its agent is not one of
        rwlib's and ``model`` is missing.

    References
    ----------
    What belongs in it: Wilson, R. C., & Collins, A. G. E. (2019). Ten simple rules for the computational
    modeling of behavioral data. https://doi.org/10.7554/eLife.49547; Kruschke, J. K. (2021). Bayesian
    analysis reporting guidelines. https://doi.org/10.1038/s41562-021-01177-7; Depaoli, S., & van de Schoot,
    R. (2017). Improving transparency and replication in Bayesian statistics: The WAMBS-checklist.
    https://doi.org/10.1037/met0000065

    Examples
    --------
    >>> import rwlib
    >>> choices, rewards = [[0, 1, 1, 0], [1, 1, 1, 1]] * 2, [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0]] * 2
    >>> fit = rwlib.fit(rwlib.ChoiceData(choices, rewards), rwlib.SYMMETRIC, progress_bar=False)
    >>> written = rwlib.report(fit)
    >>> print(written.methods.split(".")[0])
    We fitted a model to the choices of 4 people among 2 options: 16 trials, 4 per person
    >>> print(written.left_to_you[-1])
    Where data, code and this fit (`rwlib.save`) can be had.
    """
    verdict = accepted(fit, "There is nothing to report about this fit.")
    model, data = model_of(fit, model), data_of(fit)
    formulas = formulas_of(fit)
    check_share("interval", interval)
    table = _estimates(fit, model, interval)
    differences = contrasts(fit, model, rope=rope, interval=interval) if any(formulas.values()) else None
    if rope and differences is None:
        raise ValueError(f"rope is {rope!r}, but in this fit nothing differs between groups or conditions.")
    made_with = _versions(fit)
    left = [*_left_of_model(model), *LEFT_TO_YOU]
    left += [LEFT_ABOUT_CONDITIONS] if formulas["within"] else []
    left += [LEFT_ABOUT_DIFFERENCES] if differences is not None else []
    return Written(
        methods=methods_of(fit, model, data, formulas, made_with, interval),
        results=findings_of(fit, model, verdict, table, differences, rope or {}, interval),
        estimates=table,
        differences=differences,
        cite=(*_course(made_with), *_sources(model, differences), *CITE),
        tables=tables_of(table, differences, model, interval),
        left_to_you=tuple(left),
    )


def estimates(fit: xr.DataTree, model: Model | None = None, *, interval: float = 0.9) -> pd.DataFrame:
    """Each parameter of the group on its own scale: the typical person's, and the mean over people.

    The typical person is the one at the group mean, so half of such a group lies below. The mean over people
    is that of these people, and over conditions where the parameter shifts. Where a group is wide, the two
    differ, since the transform is not linear.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`.
    model : Model, optional
        The model that was fitted, where its agent is the user's own.
    interval : float in (0, 1), default 0.9
        Share of the draws in the central intervals.

    Returns
    -------
    table : pandas.DataFrame
        A row for each ``parameter``, with posterior means and intervals (``_from``, ``_to``): ``typical`` and
        ``people``, both in the parameter's own range, and ``sd``, that of the group before the transform.

    Raises
    ------
    ValueError
        If :func:`rwlib.fitting.diagnostics.check` refuses the fit, ``interval`` is not in (0, 1), the fit is
        of another model, or its agent is not one of rwlib's and ``model`` is missing.

    References
    ----------
    Gelman, A., & Hill, J. (2006). *Data analysis using regression and multilevel/hierarchical models*.
    Cambridge University Press. https://doi.org/10.1017/CBO9780511790942

    Examples
    --------
    >>> import rwlib
    >>> choices, rewards = [[0, 1, 1, 0], [1, 1, 1, 1]] * 2, [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0]] * 2
    >>> fit = rwlib.fit(rwlib.ChoiceData(choices, rewards), rwlib.SYMMETRIC, progress_bar=False)
    >>> table = rwlib.estimates(fit)
    >>> table["parameter"].tolist(), table.columns[1:4].tolist()
    (['alpha', 'beta'], ['typical', 'typical_from', 'typical_to'])
    """
    accepted(fit, "No estimate can be read from this fit.")
    check_share("interval", interval)
    return _estimates(fit, model_of(fit, model), interval)


def _estimates(fit, model, interval):
    posterior, rows = fit["posterior"].to_dataset(), []
    ends = (1 - interval) / 2, (1 + interval) / 2
    for p in model.parameters:
        row: dict[str, str | float] = {"parameter": p.name}
        drawn = {
            "typical": np.asarray(TRANSFORMS[p.transform](posterior[f"{p.name}_group_mean"].values)),
            "people": mean_over_people(posterior[p.name]),
            "sd": posterior[f"{p.name}_group_sd"].values,
        }
        for name, x in drawn.items():
            row[name] = float(x.mean())
            row[f"{name}_from"], row[f"{name}_to"] = np.quantile(x, ends).tolist()
        rows.append(row)
    return pd.DataFrame(rows)


def write_report(written: Written, path: str | Path) -> Path:
    """Write a report as Markdown, LaTeX or Word, as the ending of the path says.

    Parameters
    ----------
    written : Written
        From :func:`report`.
    path : path
        Ending with ``.md``, ``.tex`` or ``.docx``; the last two need pandoc. A file that is there is
        replaced.

    Returns
    -------
    path : Path

    Raises
    ------
    ValueError
        If the ending is another one.
    FileNotFoundError
        If pandoc is needed and not there. If it is there and fails, ``subprocess`` says so.

    Examples
    --------
    >>> import tempfile
    >>> import rwlib
    >>> choices, rewards = [[0, 1, 1, 0], [1, 1, 1, 1]] * 2, [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0]] * 2
    >>> fit = rwlib.fit(rwlib.ChoiceData(choices, rewards), rwlib.SYMMETRIC, progress_bar=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = rwlib.write_report(rwlib.report(fit), f"{folder}/report.md")
    ...     print(path.read_text(encoding="utf8").splitlines()[0])
    ## Methods
    """
    path = Path(path)
    if path.suffix not in (".md", ".tex", ".docx"):
        raise ValueError(f"The path is {str(path)!r}; its name must end with '.md', '.tex' or '.docx'.")
    if path.suffix == ".md":
        path.write_text(str(written), encoding="utf8")
        return path
    if shutil.which("pandoc") is None:
        raise FileNotFoundError(
            f"pandoc makes {path.suffix} files of Markdown, and it is not on this machine. Install it from "
            "https://pandoc.org, or write '.md'."
        )
    command = ["pandoc", "--from=markdown+autolink_bare_uris", "--standalone", f"--output={path}"]
    subprocess.run(command, input=str(written), text=True, encoding="utf8", check=True)
    return path


# What is left to you, what to cite, and the versions that were used


def _left_of_model(model):
    if model.agent not in RULES:
        yield (
            f"THE RULE OF THE MODEL {plain(model.name)}, as formulas, where the methods say so in capitals."
        )


def _versions(fit):
    """Those that a stored fit has kept; those of this session for another one."""
    now = {"python": platform.python_version()} | {
        name: version(name) for name in ("rwlib", "jax", "numpyro")
    }
    return now | json.loads(fit.attrs.get("versions", "{}"))


def _course(made_with):
    yield (
        "The course's authors. From choices to parameters: fitting Rescorla-Wagner models with JAX and "
        f"NumPyro (rwlib, version {made_with['rwlib']}) [Computer software]"
    )


def _sources(model, differences):
    found = {model.agent} | {name for name in SOURCES if isinstance(name, str) and has(model, name)}
    if model.agent in RULES:
        yield from (source for name, source in SOURCES.items() if name in found)
    yield from () if differences is None else CITE_DIFFERENCES


def _bullets(lines):
    return "\n".join(f"- {line}" for line in lines)
