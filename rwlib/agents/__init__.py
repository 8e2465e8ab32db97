"""Agents worth having, one short file each with its source: examples of :class:`rwlib.model.agents.Agent`.

- ``forgetting``: values of what was not chosen fade. The agent of the course has this part, as it has a
  choice trace (``rwlib.SYMMETRIC_TRACE`` and ``rwlib.ASYMMETRIC_TRACE``).
- ``confirmation_bias``: one rate for news that supports the choice, another for news that does not.
- ``pearce_hall``: the learning rate follows the size of recent surprises.
- ``go_no_go``: a Pavlovian bias to act where a cue promises reward.
"""
