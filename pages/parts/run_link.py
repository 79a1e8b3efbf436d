"""What a link to the Runs page holds: filters, ticks, and how they are compared.

Whoever comes by the navigation finds the page as it was left.
"""

from pages.parts import address, run_filter, run_overlay, study_link, ticked

PAGE = "runs"
COMPARE = "compare"


def read() -> None:
    """Take all of it from the link, or from when the page was left."""
    now, came = address.read(PAGE)
    if came:
        run_filter.forget()
        ticked.begin(now.get(COMPARE, "").split(","))
        run_overlay.begin(now)
    run_filter.begin(now)
    run_overlay.ask(now)


def write() -> None:
    """Make the address say what is shown."""
    digests = [digest for digest in ticked.current() if study_link.may_be_linked(digest)]
    compared = {COMPARE: ",".join(digests)} if digests else {}
    address.write(PAGE, run_filter.said() | compared | (run_overlay.said() if len(digests) > 1 else {}))
