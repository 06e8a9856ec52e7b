"""The CUDA sampler: its arithmetic in Triton's interpreter, that it compiles, and GPU tests."""

import inspect
import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest
import torch

from dgm_audio.families.autoregressive import cuda
from dgm_audio.families.autoregressive.distribution import latents_of_tails, tails_of_latents
from dgm_audio.families.autoregressive.model import WaveNet, WaveNetConfig
from dgm_audio.families.autoregressive.reference import ReferenceSampler
from dgm_audio.signal.prediction import BackwardPrediction

LOUD = torch.tensor([0.3, 0.2525, 0.50015]).double()
"""Mean errors after a loud sound, of which the largest soon falls to the next code."""

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def tiny(**changes) -> WaveNet:
    """Three layers of 16 channels, far from their start so that all matter, and hops of 5."""
    torch.manual_seed(0)
    sizes = {"width": 16, "skip": 16, "cycles": 1, "depth": 3, "frame": 4, "levels": 63}
    sizes |= {"predictor": 16, **changes}
    model = WaveNet(WaveNetConfig(**sizes)).eval().requires_grad_(False)
    model.predictor = BackwardPrediction(model.config.predictor, window=48, hop=5)
    for weight in model.network.parameters():
        weight += 0.2 * torch.randn_like(weight)
    return model


def bias_and_tails(model: WaveNet, batch: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    frames = model.conditioner.frames(length)
    layers, width = model.conditioner.layers, model.config.width
    bias = torch.randn(batch, frames, layers, 2 * width, generator=rng)
    tails = tails_of_latents(torch.randn(batch, length, generator=rng))
    return bias.to(model.device), tails.to(model.device)


def check_coefficients(device: str) -> None:
    """The CPU's but for the order of sums, also of windows and orders that fill no tile."""
    from dgm_audio.families.autoregressive.cuda_prediction import PredictionState

    x = torch.sin(torch.tensor([[0.1], [0.33]]) * torch.arange(400) ** 1.05)
    x += 0.01 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    for order, window, hop in ((16, 64, 32), (48, 100, 40)):
        known = BackwardPrediction(order, window, hop).start(len(x))
        tested = PredictionState(
            BackwardPrediction(order, window, hop), len(x), torch.device(device)
        )
        for t in range(2 * window):
            known.predict()
            if t % hop == 0:
                tested.renew()
                found = tested.coefficients.cpu()
                expected = torch.from_numpy(known.memory.weights)
                torch.testing.assert_close(found[:, -order:], expected, rtol=1e-8, atol=1e-8)
                assert not found[:, :-order].any()
            known.update(x[:, t])
            tested.samples[:, tested.room + t % hop] = x[:, t].to(device)
        assert expected.abs().amax(1).min() > 0.5


def check_parity(model: WaveNet, length: int) -> None:
    """In float32 the kernel gives what the reference gives, and goes on where a block ended."""

    def samplers():
        reference = ReferenceSampler(model, 2)
        kernel = cuda.CudaSampler(model, 2, torch.float32)
        reference.predictor.memory.errors[0] = LOUD
        kernel.prediction.errors[0] = LOUD
        return reference, kernel

    bias, tails = bias_and_tails(model, 2, length)
    frame = model.config.frame
    end = length - frame - 1  # the last block ends before its biases do
    reference, sampler = samplers()
    expected = reference.advance(bias, tails=tails[:, :end])
    drawn = sampler.advance(bias, tails=tails[:, :end])
    assert torch.equal(drawn.symbols, expected.symbols)
    _, sampler = samplers()
    blocks = [
        sampler.advance(bias[:, :1], symbols=expected.symbols[:, :frame]),
        sampler.advance(bias[:, 1:], symbols=expected.symbols[:, frame:]),
    ]
    x, tails, masses = (torch.cat([block[i] for block in blocks], 1) for i in (1, 2, 3))
    assert torch.equal(x, expected.x)
    torch.testing.assert_close(masses, expected.masses, rtol=1e-3, atol=1e-9)
    torch.testing.assert_close(tails, expected.tails, rtol=1e-3, atol=1e-9)
    errors = torch.from_numpy(reference.predictor.memory.errors)
    torch.testing.assert_close(sampler.prediction.errors[:2].cpu(), errors, rtol=1e-5, atol=0)


def check_round_trip(model: WaveNet, length: int) -> None:
    """In float16 a sound's latents decode to it, whatever the batch, and masses are near."""
    batch = cuda.TILE + 1
    bias, tails = bias_and_tails(model, batch, length)
    drawn = cuda.CudaSampler(model, batch).advance(bias, tails=tails)
    alone = cuda.CudaSampler(model, 1).advance(bias[-1:], tails=tails[-1:])
    for one, many in zip(alone, drawn, strict=True):
        assert torch.equal(one[0], many[-1])
    assert len(drawn.symbols.unique()) > 10
    found = cuda.CudaSampler(model, batch).advance(bias, symbols=drawn.symbols)
    assert torch.equal(found.masses, drawn.masses)
    tails = tails_of_latents(latents_of_tails(found.tails))
    again = cuda.CudaSampler(model, batch).advance(bias, tails=tails)
    assert torch.equal(again.symbols, drawn.symbols) and torch.equal(again.x, drawn.x)
    expected = ReferenceSampler(model, batch).advance(bias, symbols=drawn.symbols)
    assert (found.masses.log() - expected.masses.log()).abs().mean() < cuda.TOLERANCE


def test_the_kernels_arithmetic_is_the_references():
    """In the interpreter, which a process has from its start or not at all."""
    pytest.importorskip("triton", reason="needs Triton, which torch brings on Linux")
    logistics, odd = "output='logistics', components=3", "width=12, skip=20, predictor=48"
    calls = [("check_parity", "", 17), ("check_parity", odd, 17), ("check_parity", logistics, 17)]
    calls += [("check_round_trip", logistics, 11), ("check_parity", "predictor=0", 9)]
    code = "import test_autoregressive_cuda as t\nt.check_coefficients('cpu')\n"
    code += "\n".join(f"t.{name}(t.tiny({sizes}), {length})" for name, sizes, length in calls)
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.path.dirname(__file__)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def compiled(kernel, sizes: dict, kinds: dict[str, str], **options):
    """A kernel for Hopper; `kinds` tells which arguments are no pointers to float32."""
    from triton import compile as build
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = list(inspect.signature(kernel.fn).parameters)
    types = dict.fromkeys(names, "*fp32") | dict.fromkeys(sizes, "constexpr")
    for kind, those in kinds.items():
        types |= dict.fromkeys(those.split(), kind)
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(names)
        if types[name][0] == "*"
    }
    source = ASTSource(kernel, types, sizes, aligned)
    return build(source, target=GPUTarget("cuda", 90, 32), options=options)


@pytest.mark.parametrize("output", ["categorical", "logistics"])
def test_the_kernels_compile_without_a_gpu(output, tmp_path, monkeypatch):
    """For Hopper, with nothing in local memory."""
    pytest.importorskip("triton", reason="needs Triton, which torch brings on Linux")
    from triton import knobs

    from dgm_audio.families.autoregressive import cuda_prediction
    from dgm_audio.runtime.kernels.wavenet_cuda import run_steps

    try:
        usage = [knobs.nvidia.ptxas.path and knobs.nvidia.cuobjdump.path, "-res-usage"]
    except RuntimeError:
        pytest.skip("needs ptxas and cuobjdump, which Triton brings for NVIDIA GPUs")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    sampler = cuda.CudaSampler(WaveNet(WaveNetConfig(output=output)), 1)
    kinds = {
        "*fp16": "past present residual skip hidden head rings",
        "*fp64": "coefficients errors wanted_tails tails masses",
        "*i64": "given_symbols symbols",
        "*i8": "real_symbols",
        "*i32": "last_symbol",
        "i32": "batch length frames done steps start since given",
    }
    steps = compiled(
        run_steps,
        {**sampler.sizes, "STAGES": cuda.DEEPEST},
        kinds,
        num_warps=cuda.WARPS,
        enable_fp_fusion=False,
    )
    assert "mma.sync" in steps.asm["ptx"] and "cp.async" in steps.asm["ptx"]
    assert steps.metadata.shared <= 120 * 1024  # two buffers of a layer, and little more
    memory = sampler.prediction
    renewal = compiled(
        cuda_prediction.renew_coefficients,
        memory.sizes,
        {"*fp64": "windowed coefficients"},
        num_warps=memory.warps,
    )
    for built in (steps, renewal):
        (tmp_path / "cubin").write_bytes(built.asm["cubin"])
        report = subprocess.run([*usage, tmp_path / "cubin"], capture_output=True, text=True).stdout
        assert "STACK:0 " in report and "LOCAL:0 " in report, report


@pytest.mark.parametrize(("room", "width", "expected"), [(227, 64, 3), (227, 128, 2), (99, 64, 2)])
def test_the_pipeline_fits_into_shared_memory(room, width, expected, monkeypatch):
    limits = SimpleNamespace(shared_memory_per_block_optin=room * 1024)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: limits)
    assert cuda.stages(width, width, 2, torch.device("cuda")) == expected


def test_without_a_gpu_the_cpu_samples_and_says_why_once():
    model = tiny()
    bias, tails = bias_and_tails(model, 2, 16)
    with pytest.warns(RuntimeWarning, match="the CUDA sampler is not used: .*; the CPU samples"):
        sampler = cuda.make_sampler(model, 2)
    expected = model.sampler(2).advance(bias, tails=tails)
    for part, known in zip(sampler.advance(bias, tails=tails), expected, strict=True):
        assert torch.equal(part, known)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cuda.make_sampler(model, 2)


def test_why_the_kernel_cannot_sample(monkeypatch):
    assert cuda.check(tiny())
    monkeypatch.setattr(cuda, "disagreement", lambda _: float("nan"))
    assert "differ by nan nats" in cuda.check(tiny())
    monkeypatch.setattr(cuda, "disagreement", lambda _: 0.1)
    assert "differ by 0.1 nats" in cuda.check(tiny())
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "triton", None)
    assert "triton" in cuda.check(tiny())


def test_a_verdict_lasts_until_the_weights_change(monkeypatch):
    answers = iter([0.0, 1.0])
    monkeypatch.setattr(cuda, "disagreement", lambda _: next(answers))
    model = tiny()
    assert cuda.check(model) == "" == cuda.check(model)
    model.network.head.bias += 1
    assert cuda.check(model)


@gpu
def test_on_a_gpu_the_kernel_agrees_with_the_reference():
    check_coefficients("cuda")
    for output in ("categorical", "logistics"):
        check_parity(tiny(output=output).cuda(), 64)
        check_round_trip(tiny(output=output).cuda(), 512)
    check_round_trip(WaveNet(WaveNetConfig()).eval().cuda(), 2048)


@gpu
def test_on_a_gpu_a_model_samples_with_the_kernel_and_finds_its_latents():
    model = WaveNet(WaveNetConfig(classes=("a", "b"))).eval().cuda()
    assert isinstance(model.sampler(3), cuda.CudaSampler)
    x = model.sample(3, seconds=0.5, seed=0, condition={"class": ["a", "b", "a"]})
    z = model.encode(x, {"class": ["a", "b", "a"]})
    assert torch.equal(model.decode(z, {"class": ["a", "b", "a"]}), model.quantise(x))
    assert torch.equal(model.sample(1, seconds=0.5, seed=0, condition={"class": ["a"]})[0], x[0])
