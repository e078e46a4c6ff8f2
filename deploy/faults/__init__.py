"""The black box of faults: the real stack, a schedule of faults, and a checker that looks from outside.

``harness`` runs it; ``schedule`` says which fault strikes when (a seed decides), ``strike`` carries
faults out, ``newsroom`` files, signs, corrects and withdraws, ``history`` writes down each act with
its outcome, ``evidence`` collects what others can see, and ``checker`` (with ``checks``) judges that
alone: it imports nothing of the product.
"""
