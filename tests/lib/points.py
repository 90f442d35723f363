# SPDX-License-Identifier: BSD-2-Clause
"""Which of many points a test tries that could try all of them: a sample; with HOLDFAST_LONG=1 all; with HOLDFAST_PIECE=K/N, as
tests/campaign has it, those of piece K, from 0, of N that are all of them together."""
import os

from tap import note


def chosen(points, sample):
    """`sample` is called with the list of all for what is normally tried."""
    points, piece = list(points), os.environ.get("HOLDFAST_PIECE")
    if piece:
        k, n = map(int, piece.split("/"))
        return points[k::n]
    return points if os.environ.get("HOLDFAST_LONG") else sample(points)


def told(tried, what):
    """tests/campaign adds them up."""
    note(f"tried {tried} points: {what}")
