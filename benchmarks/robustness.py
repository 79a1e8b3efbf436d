"""Attack strength and speed on Fashion-MNIST: our curve beside torchattacks' PGD and the standard AutoAttack.

Three models of one study each, trained here once and kept (HOME): natural, private at epsilon 3, adversarially trained.
"""
