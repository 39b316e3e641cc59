"""Does a student of width m keep m g(a) sparse features, and is the rest its floor?

The minimum-width theorem of arXiv 2604.04037: at sparsity a at most m g(a) features,
g(a) = 1 / ((1 - a) ln(1 / (1 - a))), and the features past that many, in the order of
importance I, are lost, for a loss of at least sum I_i E[x_i^2] over them. Here on the
toy model of superposition (Elhage et al., 2022): x sparse in n features, h = W x in m
dimensions, ReLU(W'h + b) reconstructs x under the importance-weighted squared error.
Kept: more than half of the feature's variance is explained.

The text's abstract reports a median prediction accuracy above 93 % at all sparsities
over 48 configurations. The plan in its authors' public repository gives their n,
teacher widths and sparsities, as here, and 20 seeds. Unknown to us: the importances,
what a student was trained on (ours: the data itself, which is a perfect teacher), the
optimiser and its steps, and what accuracy is relative to; so three are reported.

Prediction: fewer are kept than m g(a), the more so the sparser, since importance buys
the first features cleaner room than the last: at importances 1 / i the formula is off
by more than 10 % in most cells where it does not say "all", at equal importances in
fewer. It bounds the count nearly everywhere. Relative to the loss of keeping nothing
the median accuracy exceeds 93 %, as does that of a student that is said to lose
nothing; relative to the floor itself it is below 70 %.
"""
