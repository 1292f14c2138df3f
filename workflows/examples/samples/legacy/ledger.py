"""The club's accounts. Grown over the years; nobody dares to touch it."""

import sys

LINES = []
NAMES = []
SUMS = {}
T_IN = 0
T_OUT = 0
BAD = 0


def rd(fn):
    global LINES
    f = open(fn)
    LINES = f.read().split("\n")
    f.close()


def go():
    global T_IN, T_OUT, BAD
    for L in LINES:
        if L == "" or L[0] == "#":
            continue
        P = L.split("|")
        if len(P) != 4:
            BAD = BAD + 1
            continue
        A = P[2].strip()
        try:
            if "," in A:
                C = int(A.split(",")[0]) * 100 + int(A.split(",")[1])
            else:
                C = int(A) * 100
        except ValueError:
            BAD = BAD + 1
            continue
        N = P[1].strip().lower()
        if N not in NAMES:
            NAMES.append(N)
            SUMS[N] = 0
        if P[3].strip() == "out":
            SUMS[N] = SUMS[N] - C
            T_OUT = T_OUT + C
        else:
            SUMS[N] = SUMS[N] + C
            T_IN = T_IN + C


def fmt(C):
    S = ""
    if C < 0:
        S = "-"
        C = -C
    return S + str(C // 100) + "," + str(C % 100).zfill(2)


def out():
    NAMES.sort()
    for N in NAMES:
        print(N.ljust(12) + fmt(SUMS[N]).rjust(10))
    print("-" * 22)
    print("in".ljust(12) + fmt(T_IN).rjust(10))
    print("out".ljust(12) + fmt(T_OUT).rjust(10))
    print("left".ljust(12) + fmt(T_IN - T_OUT).rjust(10))
    if BAD > 0:
        print(str(BAD) + " lines not read")


if __name__ == "__main__":
    rd(sys.argv[1])
    go()
    out()
