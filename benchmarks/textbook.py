"""Every loss as a PyTorch textbook has it: by definition, with autograd's gradients.

They know none of the means by which simgeo stays finite, and are what its losses on
torch tensors are compared with: in `tests/test_torch.py`, and for time in `bridge`.
"""

import torch
import torch.nn.functional as F


def centre(x):
    return x - x.mean(0, keepdim=True)


def cosine(left, right):
    return (left * right).sum() / (left.norm() * right.norm())


def nuclear(matrix):
    return torch.linalg.matrix_norm(matrix, ord="nuc")


def off_diagonal(matrix):
    n = len(matrix)
    return matrix[~torch.eye(n, dtype=torch.bool)].reshape(n, n - 1)


def cosines(x):
    units = F.normalize(x, dim=1)
    return units @ units.T


def cka(student, teacher, centred=True):
    if centred:
        student, teacher = centre(student), centre(teacher)
    return 1 - cosine(student @ student.T, teacher @ teacher.T)


def angular_cka(student, teacher):
    return torch.arccos(1 - cka(student, teacher)) ** 2


def hsic(left, right):
    n = len(left)
    k, l = (each - torch.diag(torch.diagonal(each)) for each in (left, right))
    means = k.sum() * l.sum() / ((n - 1) * (n - 2))
    return ((k * l).sum() + means - 2 / (n - 2) * (k @ l).sum()) / (n * (n - 3))


def debiased_cka(student, teacher):
    k, l = student @ student.T, teacher @ teacher.T
    return 1 - hsic(k, l) / torch.sqrt(hsic(k, k) * hsic(l, l))


def rbf_cka(student, teacher, bandwidth=1.0):
    kernels = []
    for x in (student, teacher):
        squared = ((x[:, None] - x[None]) ** 2).sum(-1)
        median = torch.quantile(off_diagonal(squared).flatten(), 0.5)
        kernel = torch.exp(-squared / (2 * bandwidth**2 * median))
        kernels.append(centre(centre(kernel).T))
    return 1 - cosine(*kernels)


def patch_cka(student, teacher, num_patches=4):
    return cka(*(each.reshape(num_patches, -1) for each in (student, teacher)))


def relation_cka(student, teacher, class_weight=1.0):
    rows = [each - each.mean(1, keepdim=True) for each in (student, teacher)]
    classes = 1 - cosine(*(each.T @ each for each in rows))
    return cka(student, teacher) + class_weight * classes


def procrustes(student, teacher, normalised=False):
    if normalised:
        student, teacher = student / student.norm(), teacher / teacher.norm()
    overlap = nuclear(student.T @ teacher)
    return (student**2).sum() + (teacher**2).sum() - 2 * overlap


def angular_procrustes(student, teacher):
    distance = procrustes(centre(student), centre(teacher), normalised=True)
    return torch.arccos(1 - distance / 2) ** 2


def feature_gram(student, teacher):
    return ((student @ student.T - teacher @ teacher.T) ** 2).sum()


def similarity_preserving(student, teacher):
    own, target = (F.normalize(each @ each.T, dim=1) for each in (student, teacher))
    return ((own - target) ** 2).mean()


def covariance_wasserstein(student, teacher):
    n, width = len(student), min(student.shape[1], teacher.shape[1])
    own, target = (each.T @ each / n for each in (centre(student), centre(teacher)))
    product = own[:width, :width] @ target[:width, :width]
    root = torch.linalg.eigvals(product).real.sqrt().sum()
    return own.trace() + target.trace() - 2 * root


def cca(student, teacher):
    bases = [torch.linalg.qr(centre(each)).Q for each in (student, teacher)]
    pairs = min(student.shape[1], teacher.shape[1])
    return 1 - (bases[0].T @ bases[1]).square().sum() / pairs


def svcca(student, teacher, threshold=0.1):
    basis = torch.linalg.qr(centre(student)).Q
    left, values, _ = torch.linalg.svd(centre(teacher), full_matrices=False)
    left = left[:, values > threshold * values[0]]
    return 1 - nuclear(basis.T @ left) / min(student.shape[1], left.shape[1])


def linear_projection(student, teacher, weights=None):
    if weights is None:
        basis = torch.linalg.qr(student).Q
        return (teacher - basis @ (basis.T @ teacher)).square().sum() / len(teacher)
    return (teacher - student @ weights).square().sum() / len(teacher)


def cosine_projection(student, teacher, weights):
    return 1 - F.cosine_similarity(student @ weights, teacher, dim=1).mean()


def orthogonal_projection(student, teacher, free):
    left, _, right = torch.linalg.svd(free, full_matrices=False)
    rotation = left @ right
    turned = student @ rotation
    error = (teacher - turned).square().sum()
    if student.shape[1] > teacher.shape[1]:
        error = error + (student - turned @ rotation.T).square().sum()
    return error / len(teacher)


def mlp_projection(student, teacher, layers):
    inner, shift, outer = layers
    guess = torch.tanh(student @ inner + shift) @ outer
    return (teacher - guess).square().sum() / len(teacher)


def logit_kl(student, teacher, temperature=4.0):
    log_q, log_p = (
        F.log_softmax(each / temperature, dim=1) for each in (student, teacher)
    )
    divergence = F.kl_div(log_q, log_p, log_target=True, reduction="batchmean")
    return temperature**2 * divergence


def relational_distance(student, teacher, delta=1.0):
    own, target = (F.pdist(each) for each in (student, teacher))
    return F.huber_loss(own / own.mean(), target / target.mean(), delta=delta)


def relational_angle(student, teacher, delta=1.0):
    angles = []
    for x in (student, teacher):
        sides = F.normalize(x[None] - x[:, None], dim=2)  # [vertex, end]
        angles.append(sides @ sides.mT)
    n = len(student)
    index = torch.arange(n)
    i, j, k = torch.meshgrid(index, index, index, indexing="ij")
    triplets = (i != j) & (j != k) & (i != k)
    return F.huber_loss(angles[0][triplets], angles[1][triplets], delta=delta)


def neighbour_kl(student, teacher, temperature=0.1):
    log_q, log_p = (
        F.log_softmax(off_diagonal(cosines(each)) / temperature, dim=1)
        for each in (student, teacher)
    )
    return F.kl_div(log_q, log_p, log_target=True, reduction="batchmean")


def pattern_hinge(student, teacher, epsilon=0.1):
    own, target = (off_diagonal(cosines(each)).abs() for each in (student, teacher))
    return F.relu(own - epsilon)[target <= epsilon].mean()


def framed(vectors, frame):
    share = 1 - (frame / (1 + frame)) ** 0.5
    return vectors - share * vectors.mean(0, keepdim=True)


def quantise(vectors, num_bits):
    step = vectors.detach().abs().max() / (2 ** (num_bits - 1) - 1)
    return vectors + (torch.round(vectors / step) * step - vectors).detach()


def squared_angle(cosine_distance):
    return torch.arccos(1 - cosine_distance) ** 2
