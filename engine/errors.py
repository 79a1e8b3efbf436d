"""What can go wrong, as a person is told it: every message is one sentence that says what to do."""


class FrontierError(Exception):
    """Base of all errors whose message may be shown to a person as it stands."""


class BadInput(FrontierError, ValueError):
    """A value is outside its bounds or a name is unknown; the message names value and bound."""


class DataMissing(FrontierError):
    """A data set cannot be had on this machine; the message says how to get it."""


class StoreError(FrontierError):
    """The store cannot be opened, read or written; the message names the path and the remedy."""


class StaleAttempt(FrontierError):
    """A newer claim owns this job: the write was refused."""


class Cancelled(FrontierError):
    """The job was stopped by a person: not a failure. It propagates out of the work."""
