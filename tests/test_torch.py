"""Losses on torch tensors: those of JAX and of a textbook, and finite beyond it."""

import copy
import logging
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

torch = pytest.importorskip("torch")

import simgeo.torch as losses  # noqa: E402
from benchmarks import agreement, textbook  # noqa: E402
from benchmarks.agreement import KEYWORDS, drawn, graded, in_jax  # noqa: E402
from simgeo import functional  # noqa: E402
from simgeo.torch import _bridge, _compilation  # noqa: E402

pytestmark = pytest.mark.once  # it counts in the precision of the tensors

ROOT = Path(__file__).parent.parent
WIDTHS = (3, 6, 9)  # below, at and above the teacher's
LOSSES = sorted(
    name
    for name in vars(functional)
    if callable(getattr(functional, name))
    and not name.startswith(("_", "About", "about", "documented"))
    and name not in ("as_matrix", "check_knobs", "removed_share")
)


def arguments(name, width, dtype=torch.float64):
    """What the loss is called with, each to be differentiated by."""
    return agreement.arguments(name, width, dtype, num_rows=12, teacher_dim=6)


def same(found, expected, tolerance):
    for each, other in zip(found, expected, strict=True):
        size = np.max(np.abs(other)) + 1e-3
        assert np.max(np.abs(each - other)) < tolerance * size


def test_every_loss_is_there():
    assert set(LOSSES) == {
        name
        for name, each in vars(losses).items()
        if callable(each) and name[0].islower() and "program" not in name
    }
    assert all(hasattr(textbook, name) for name in LOSSES)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_values_and_gradients_are_those_of_a_textbook(name):
    given = arguments(name, 3)
    keywords = KEYWORDS.get(name, {})
    found = graded(getattr(losses, name), given, **keywords)
    same(found, graded(getattr(textbook, name), given, **keywords), 1e-6)


@pytest.mark.parametrize(
    "name", ["feature_gram", "mlp_projection", "logit_kl", "framed", "quantise"]
)
def test_values_and_gradients_are_those_of_jax(name):
    given = arguments(name, 3)
    found = graded(getattr(losses, name), given, **KEYWORDS.get(name, {}))
    same(found, in_jax(name, given), 1e-9)


@pytest.mark.long
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_agrees_with_both_at_every_width(name, width):
    given = arguments(name, width)
    keywords = KEYWORDS.get(name, {})
    found = graded(getattr(losses, name), given, **keywords)
    same(found, in_jax(name, given), 1e-9)
    same(found, graded(getattr(textbook, name), given, **keywords), 1e-6)


PRECISIONS = {torch.float32: 1e-5, torch.bfloat16: 0.01, torch.float16: 1e-3}


@pytest.mark.parametrize("dtype", PRECISIONS, ids=str)
@pytest.mark.parametrize("name", ["cka", "procrustes", "quantise"])
def test_lower_precision_is_that_of_inputs_and_gradients_alone(name, dtype):
    given = arguments(name, 3, dtype)
    loss = partial(getattr(losses, name), **KEYWORDS.get(name, {}))
    value = loss(*given)
    assert value.dtype == torch.float32
    gradients = torch.autograd.grad(value.sum(), given)
    assert {each.dtype for each in gradients} == {dtype}
    # As in float64, of what the rounded inputs are.
    exact = [each.detach().double().requires_grad_() for each in given]
    same(graded(loss, given), graded(loss, exact), PRECISIONS[dtype])


def test_the_precision_that_jax_is_set_to_does_not_matter():
    given = arguments("cka", 3, torch.float32)
    plain = graded(losses.cka, given)
    with jax.enable_x64(True):
        assert losses.cka(*given).dtype == torch.float32
        same(graded(losses.cka, given), plain, 1e-6)
    assert losses.cka(*arguments("cka", 3)).dtype == torch.float64


def test_one_side_may_be_in_another_precision():
    student, teacher = arguments("cka", 3)
    value = losses.cka(student.to(torch.bfloat16), teacher.float())
    assert value.dtype == torch.float32
    (gradient,) = torch.autograd.grad(value, student)
    assert gradient.dtype == torch.float64


def test_a_loss_scale_is_applied_before_a_gradient_is_rounded():
    """As `torch.amp.GradScaler` asks for: these gradients are zero in float16."""
    student, teacher = arguments("similarity_preserving", 3, torch.float16)
    loss = losses.similarity_preserving(student, teacher) * 1e-6
    (lost,) = torch.autograd.grad(loss, student, retain_graph=True)
    (scaled,) = torch.autograd.grad(loss * 2.0**14, student)
    assert (lost == 0).sum() > (scaled == 0).sum() == 0


def test_memory_is_shared_both_ways():
    tensor = torch.randn(64, 16)
    array = _bridge._shared(tensor)
    assert array.unsafe_buffer_pointer() == tensor.data_ptr()
    back = _bridge._to_torch(array)
    assert back.data_ptr() == tensor.data_ptr()


@pytest.mark.parametrize(
    "view",
    [lambda x: x.T, lambda x: x[:, ::2], lambda x: x.flatten()[1:61].reshape(12, 5)],
    ids=["transposed", "every other column", "off by one entry"],
)
def test_views_are_taken_for_what_they_are(view):
    whole = drawn(12, 12).float()
    teacher = drawn(12, 4, seed=1).float()
    found = losses.feature_gram(view(whole), teacher)
    assert torch.isclose(found, textbook.feature_gram(view(whole), teacher))


def test_a_learned_number_has_a_gradient():
    student, teacher = arguments("neighbour_kl", 3)
    knob = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    both = [
        torch.autograd.grad(loss(student, teacher, temperature=knob), knob)[0]
        for loss in (losses.neighbour_kl, textbook.neighbour_kl)
    ]
    assert both[0] != 0
    assert torch.isclose(*both)


FLAWED = {
    "an angle of zero": ("squared_angle", lambda t: (0 * t,)),
    "a student of rank one": (
        "covariance_wasserstein",
        lambda t: (t[:, :1].repeat(1, 3), t),
    ),
    "equal singular values": (
        "orthogonal_projection",
        lambda t: (t[:, :3], t, torch.eye(3, 6, dtype=t.dtype)),
    ),
    "a student of zeros": ("cka", lambda t: (0 * t[:, :3], t)),
    "equal vectors": (
        "relational_angle",
        lambda t: (torch.cat([t[:2], t[:10]])[:, :3], t),
    ),
    "columns that depend on others": ("cca", lambda t: (t[:, [0, 0, 1]], t)),
}


@pytest.mark.parametrize("flaw", FLAWED)
def test_gradients_are_finite_where_those_of_a_textbook_are_not(flaw):
    name, made = FLAWED[flaw]
    given = [each.clone().requires_grad_() for each in made(drawn(12, 6))]
    ours, textbooks = (
        np.concatenate([each.ravel() for each in graded(getattr(module, name), given)])
        for module in (losses, textbook)
    )
    assert np.max(np.abs(ours)) < 10.0
    assert not np.max(np.abs(textbooks)) < 1e6  # or NaN


@pytest.mark.parametrize("name", ["angular_cka", "angular_procrustes", "procrustes"])
def test_identical_sides_have_no_loss_and_no_slope(name):
    both = [drawn(12, 6).requires_grad_() for _ in range(2)]
    keywords = {"squared": False} if name == "procrustes" else {}
    value, *gradients = graded(getattr(losses, name), both, **keywords)
    assert value < 1e-6  # a root of rounding
    assert all(np.isfinite(each).all() for each in gradients)


def test_a_program_is_compiled_once_for_a_shape(caplog):
    losses.keep_programs(2)
    sizes = 5, 6, 5, 6, 7, 5  # the last 5 has been dropped for 7
    with caplog.at_level(logging.INFO, logger="simgeo.torch"):
        for n in sizes:
            student, teacher = drawn(n, 2), drawn(n, 3)
            found = losses.feature_gram(student, teacher)
            assert torch.isclose(found, textbook.feature_gram(student, teacher))
    counts = losses.program_counts()
    assert counts == (2, 4, 2, 2)
    assert [each.startswith("compiled feature_gram") for each in caplog.messages] == (
        [True] * 4
    )
    losses.keep_programs(_compilation.NUM_KEPT)
    with pytest.raises(ValueError, match="`number` must be at least 1; got 0"):
        losses.keep_programs(0)


def test_batches_of_many_sizes_keep_no_more_programs_than_asked_for():
    losses.keep_programs(3)
    for n in range(4, 12):
        student = drawn(n, 2).requires_grad_()
        losses.feature_gram(student, drawn(n, 3)).backward()
    assert losses.program_counts() == (3, 8, 0, 3)
    losses.keep_programs(_compilation.NUM_KEPT)


def test_a_number_that_changes_compiles_nothing():
    student, teacher = arguments("neighbour_kl", 3)
    losses.keep_programs(8)
    values = [
        losses.neighbour_kl(student, teacher, temperature=each).item()
        for each in (0.1, 0.2, 1)
    ]
    assert len(set(values)) == 3
    assert losses.program_counts().compiled == 1


def test_nothing_is_differentiated_where_nobody_asks():
    student, teacher = arguments("cka", 3)
    losses.keep_programs(8)
    with torch.no_grad():
        assert not losses.cka(student, teacher).requires_grad
    with torch.inference_mode():
        assert not losses.cka(student, teacher).requires_grad
    detached = student.detach()
    assert not losses.cka(detached, teacher.detach()).requires_grad
    assert losses.program_counts().compiled == 1
    value = losses.cka(student, teacher.detach())
    assert value.grad_fn is not None
    value.backward()
    assert student.grad is not None
    assert teacher.grad is None


def test_gradients_accumulate_and_may_be_written_into():
    student, teacher = arguments("procrustes", 3)
    loss = losses.procrustes(student, teacher)
    loss.backward(retain_graph=True)
    first = student.grad.clone()
    (loss / 2).backward()
    assert torch.allclose(student.grad, 1.5 * first, rtol=1e-12)
    student.grad.zero_()
    loss = losses.procrustes(student, teacher)
    loss /= 4.0
    loss.backward()
    assert torch.allclose(student.grad, first / 4, rtol=1e-12)


def test_a_gradient_that_is_handed_through_is_not_shared():
    vectors = drawn(12, 3).requires_grad_()
    out = losses.quantise(vectors, num_bits=4)
    slope = torch.ones_like(out)
    out.backward(slope)
    vectors.grad.mul_(7.0)
    assert (slope == 1.0).all()


def test_a_second_derivative_is_refused_in_one_line():
    student, teacher = arguments("cka", 3)
    for out in (losses.cka(student, teacher), losses.framed(student, 0.5).sum()):
        (first,) = torch.autograd.grad(out, student, create_graph=True)
        with pytest.raises(RuntimeError, match="no second derivatives") as error:
            first.square().sum().backward()
        assert "\n" not in str(error.value)


def test_steps_inside_autocast_are_counted_in_float32():
    torch.manual_seed(0)
    layer, inputs = torch.nn.Linear(5, 3), torch.randn(12, 5)
    teacher = torch.randn(12, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = layer(inputs)
        loss = losses.cka(features, teacher)
    assert (features.dtype, loss.dtype) == (torch.bfloat16, torch.float32)
    loss.backward()
    assert layer.weight.grad.dtype == torch.float32
    expected = graded(textbook.cka, [layer(inputs), teacher.requires_grad_()])
    assert np.isclose(loss.item(), expected[0], rtol=0.02)


def test_a_scaler_skips_what_overflows_and_then_learns():
    """Mixed precision as it is written: autocast to float16 and `GradScaler`."""
    torch.manual_seed(0)
    layer, inputs = torch.nn.Linear(5, 3), torch.randn(12, 5)
    teacher = torch.randn(12, 6)
    start = layer.weight.detach().clone()
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**60, backoff_factor=2.0**-52)
    values = []
    for _ in range(20):
        with torch.autocast("cpu", dtype=torch.float16):
            loss = losses.cka(layer(inputs), teacher)
        optimiser.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimiser)
        scaler.update()
        values.append(loss.item())
        if len(values) == 1:  # its gradients were infinite in float16
            assert torch.equal(layer.weight, start)
            assert scaler.get_scale() == 2.0**8
    assert values[-1] < 0.9 * values[0]


@pytest.mark.filterwarnings("ignore")  # of torch.compile's own
def test_a_compiled_step_may_hold_a_loss():
    torch.manual_seed(0)
    layer, teacher = torch.nn.Linear(5, 3), torch.randn(12, 6)
    projection = losses.LinearProjection(3, 6)

    def step(inputs):
        features = torch.relu(layer(inputs)) + 1.0
        return losses.cka(features, teacher) + 2.0 * projection(features, teacher)

    inputs = torch.randn(12, 5)
    found = []
    for each in (step, torch.compile(step, backend="eager")):
        layer.zero_grad()
        loss = each(inputs)
        loss.backward()
        found.append((loss.item(), layer.weight.grad.clone()))
    assert np.isclose(found[0][0], found[1][0])
    assert torch.allclose(found[0][1], found[1][1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda s, t: losses.cka(s[:5], t),
            r"`student` must have as many rows as `teacher`; got shapes \(5, 3\) and",
        ),
        (
            lambda s, t: losses.cka(s[0], t),
            r"`student` must be a matrix \(n, m\) of real numbers; got shape \(3,\)",
        ),
        (
            lambda s, t: losses.cka(s.numpy(), t),
            r"`student` must be a torch tensor; got ndarray. Use `torch.as_tensor`",
        ),
        (
            lambda s, t: losses.cka(s, t.to("meta")),
            "`teacher` must be a dense tensor on a CPU or a CUDA device; got "
            "torch.strided on meta",
        ),
        (
            lambda s, t: losses.cka(s, t.to_sparse()),
            "`teacher` must be a dense tensor .* got torch.sparse_coo on cpu",
        ),
        (
            lambda s, t: losses.cka(s, t + 1j),
            "`teacher` must be a matrix .* got entries of type complex",
        ),
        (
            lambda s, t: losses.neighbour_kl(s, t, temperature=-1),
            "`temperature` must be positive; got -1",
        ),
        (
            lambda s, t: losses.neighbour_kl(s, t, temperature="warm"),
            "`temperature` must be a number or a tensor of one; got 'warm'",
        ),
        (
            lambda s, t: losses.neighbour_kl(s, t, temperature=torch.ones(2)),
            r"`temperature` must be one number; got shape \(2,\)",
        ),
        (
            lambda s, t: losses.framed(s, -0.5),
            "`frame` must be finite and not negative; got -0.5",
        ),
        (
            lambda s, t: losses.LinearProjection(4, 6)(s, t),
            r"`weights` must be a matrix \(m, d\) = \(3, 6\)",
        ),
        (
            lambda s, t: losses.LinearProjection(4, 6, start_scale=-1.0),
            "`start_scale` must be finite and not negative",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call(drawn(12, 3), drawn(12, 6))
    assert "\n" not in str(error.value)


def test_whole_numbers_are_taken():
    numbers = torch.arange(12).reshape(4, 3)
    found = losses.feature_gram(numbers, numbers.flip(0))
    assert torch.isclose(
        found, textbook.feature_gram(numbers.float(), numbers.flip(0).float())
    )


MODULES = {
    "LinearProjection": {"centred": True, "start_scale": 0.5},
    "CosineProjection": {},
    "OrthogonalProjection": {},
    "MLPProjection": {"hidden_dim": 5},
}


@pytest.mark.parametrize("name", MODULES)
def test_modules_learn(name):
    def made(seed, **keywords):
        torch.manual_seed(seed)
        return getattr(losses, name)(3, 6, **MODULES[name], **keywords)

    module, again, other = made(0), made(0), made(1)
    for one, same, another in zip(
        module.parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(one, same)
        assert not torch.equal(one, another) or not one.any()
    assert "student_dim=3, teacher_dim=6" in repr(module)
    student, teacher = drawn(12, 3).float(), drawn(12, 6).float()
    optimiser = torch.optim.SGD(module.parameters(), lr=0.02)
    values = []
    for _ in range(10):
        optimiser.zero_grad()
        values.append(module(student, teacher))
        values[-1].backward()
        optimiser.step()
    assert values[-1] < values[0]
    again.load_state_dict(module.state_dict())
    assert again(student, teacher) == module(student, teacher)
    assert copy.deepcopy(module)(student, teacher) == module(student, teacher)
    assert made(0, dtype=torch.float64)(student, teacher).dtype == torch.float64


def test_a_module_is_the_objective_of_its_name():
    projection = losses.LinearProjection(3, 6, centred=True)
    student, teacher = drawn(12, 3).float(), drawn(12, 6).float()
    weights = projection.weights.detach()
    arrays = [each.numpy() for each in (student, teacher, weights)]
    expected = jax.jit(partial(functional.linear_projection, centred=True))(*arrays)
    assert np.isclose(float(projection(student, teacher).detach()), expected)


def test_help_is_that_of_the_loss_without_what_is_of_jax():
    text = losses.procrustes.__doc__
    assert functional.about(functional.procrustes).formula in text
    assert "axis_name" not in text
    assert ">>>" not in text
    with pytest.raises(TypeError, match="missing a required argument: 'teacher'"):
        losses.cka(drawn(3, 2))
    with pytest.raises(TypeError, match="unexpected keyword argument 'axis_name'"):
        losses.cka(drawn(3, 2), drawn(3, 2), axis_name="batch")
    assert pickle.loads(pickle.dumps(losses.cka)) is losses.cka


def run(code):
    command = [sys.executable, "-W", "ignore::RuntimeWarning", "-c", code]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120
    )


@pytest.mark.slow
def test_workers_of_a_data_loader_are_forked_and_may_not_compute():
    found = run("""
import torch
import simgeo.torch

class Rows(torch.utils.data.Dataset):
    def __init__(self, computes):
        self.computes = computes
    def __len__(self):
        return 32
    def __getitem__(self, index):
        row = torch.arange(12.0).reshape(4, 3).sin() + index
        return simgeo.torch.cka(row, row) if self.computes else row

row = torch.randn(4, 2)
for _ in range(3):
    loader = torch.utils.data.DataLoader(Rows(False), num_workers=2, batch_size=None)
    values = [simgeo.torch.cka(row, each) for each in loader]
    assert len(values) == 32 and all(map(torch.isfinite, values))
loader = torch.utils.data.DataLoader(Rows(True), num_workers=1, batch_size=None)
try:
    list(loader)
except RuntimeError as error:
    assert "forked after the first one" in str(error), error
    assert "forkserver" in str(error), error
else:
    raise SystemExit("a forked worker computed")
""")
    assert found.returncode == 0, found.stderr
