"""How reports and tables write numbers."""


def percent(share: float) -> str:
    """Writes a share in percent; nothing above 0 is written as 0.0%, nothing below 1 as 100.0%.

    >>> percent(0.125), percent(0.0), percent(0.0001), percent(0.9999)
    ('12.5%', '0.0%', '<0.1%', '>99.9%')
    """
    if 0 < share < 0.0005:
        return "<0.1%"
    if 0.9995 <= share < 1:
        return ">99.9%"
    return f"{100 * share:.1f}%"


def interval(low: float, high: float) -> str:
    """Writes an interval of shares.

    >>> interval(0.0, 0.0148)
    '0.0 to 1.5%'
    """
    return f"{100 * low:.1f} to {100 * high:.1f}%"


def plural(number: int, noun: str) -> str:
    """Writes a number and its noun.

    >>> plural(1, "seed"), plural(12000, "step")
    ('1 seed', '12,000 steps')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def average_of(seeds: int) -> str:
    """Names the answer that is no single seed's.

    >>> average_of(3)
    'average of 3 seeds'
    """
    return f"average of {plural(seeds, 'seed')}"


def duration(seconds: float) -> str:
    """Writes a time in its two largest units.

    >>> duration(42.4), duration(659.0), duration(40000.0)
    ('42 s', '10 min 59 s', '11 h 6 min')
    """
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def rough_duration(seconds: float) -> str:
    """Writes a time in its largest unit.

    >>> rough_duration(42.4), rough_duration(659.0), rough_duration(40000.0), rough_duration(2e5)
    ('42 s', '10 min', '11 h', '2 d')
    """
    whole = max(0, int(seconds))
    units = {"d": 86_400, "h": 3600, "min": 60, "s": 1}
    unit = next((unit for unit, size in units.items() if whole >= size), "s")
    return f"{whole // units[unit]} {unit}"


def number_range(low: int, high: int) -> str:
    """Writes one number, or two where they differ.

    >>> number_range(32, 32), number_range(8, 32)
    ('32', '8 to 32')
    """
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def seed_list(seeds: list[int]) -> str:
    """Writes seeds, consecutive ones as a range.

    >>> seed_list([1, 2, 3, 7])
    '1 to 3, 7'
    """
    ranges: list[tuple[int, int]] = []
    for seed in sorted(seeds):
        if ranges and seed == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], seed)
        else:
            ranges.append((seed, seed))
    return ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in ranges)
