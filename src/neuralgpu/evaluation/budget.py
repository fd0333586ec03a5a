"""What ends an examination or a search before it is done."""


class BudgetSpentError(Exception):
    """No more may be asked: the time, the number of inputs, or what they may cost is used up.

    The text says which, where somebody set a limit to the cost.
    """
