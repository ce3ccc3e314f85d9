"""Time limits: shares the run's minutes among its pieces; a clock says when a piece's time is over."""
import time

RESERVE_S = 15  # for what comes after the last piece
LEAST_S = 5


class Clock:
    def __init__(self, seconds):
        self.end = time.monotonic() + seconds

    def left_s(self):
        return self.end - time.monotonic()

    def is_over(self):
        return self.left_s() <= 0


class Budget:
    """Shares out the time that is left, so pieces that end early leave more to those after them."""

    def __init__(self, total_s, weights):
        self.clock, self.weights = Clock(max(LEAST_S, total_s - RESERVE_S)), list(weights)

    def next_s(self):
        """The limit of the next piece."""
        share = self.weights[0] / sum(self.weights)
        self.weights.pop(0)
        return max(0.0, self.clock.left_s()) * share


def plan(total_s, weights):
    """The limits, if every piece took all of its time."""
    whole = sum(weights)
    return [max(LEAST_S, total_s - RESERVE_S) * weight / whole for weight in weights]
