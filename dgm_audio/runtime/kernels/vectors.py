"""Wide vectors inside numba functions: values of many lanes that LLVM keeps in registers.

numba turns loops into vector code only where it can prove that the order of sums does not matter,
and never with a register tile in mind. Here are values of 64 floats (`Vector(float32, 64)`, four
AVX-512 registers), 16 doubles or 8, whose loads, sums and products are single LLVM instructions on
vectors; LLVM cuts them into what the processor has. No bounds are checked.

    w = load(weights, at)                      # 64 floats of a float32 or int16 array
    a = fma(w, splat(x, i), a)                 # w * x[i] + a, rounded once
    store(y, at, a * load(scale, at) + full(np.float32(1)))

numba's cache of a function does not see when this file changes: touch the function's file, too.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

from dgm_audio.runtime.kernels.compiled import part

LANES = 64
"""Floats in a vector."""
DOUBLES = 16
"""Doubles in a vector."""
EIGHT = 8
"""Doubles in a shorter one, of which many fit into the registers."""

_SCALARS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}


class Vector(types.Type):
    """The numba type of a vector of `lanes` numbers."""

    def __init__(self, scalar: Any, lanes: int) -> None:
        self.scalar = scalar
        self.llvm = ir.VectorType(_SCALARS[scalar], lanes)
        super().__init__(name=f"Vector({scalar}, {lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, kind.llvm)


FLOATS = Vector(types.float32, LANES)
PAIRS = Vector(types.float64, DOUBLES)
OCTETS = Vector(types.float64, EIGHT)


def _operator(function: Callable, name: str) -> None:
    """a + b and the like, lane by lane."""

    @infer_global(function)  # pyright: ignore[reportOptionalCall]
    class _(AbstractTemplate):
        def generic(self, args: tuple, kws: dict) -> Any:
            if len(args) == 2 and isinstance(args[0], Vector) and args[0] == args[1]:
                return signature(args[0], *args)
            return None

    @lower_builtin(function, Vector, Vector)
    def _lower(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        return getattr(builder, name)(*args)


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")
_operator(operator.truediv, "fdiv")


def instruction(function: Callable) -> Any:
    """A function of compiled code that is given as the LLVM instructions it stands for."""
    return intrinsic(function)


def _address(context: Any, builder: Any, array: Any, args: tuple, kind: Any) -> Any:
    """Pointer to `kind` at an element of a contiguous array; both are the first two of `args`."""
    data = context.make_array(array)(context, builder, args[0]).data
    return builder.bitcast(builder.gep(data, [args[1]]), kind.as_pointer())


@instruction
def load(context: Any, array: Any, at: Any) -> Any:
    """64 floats from element `at` on, of a float32 array, or of an int16 array, converted."""

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        whole = array.dtype == types.int16
        kind = ir.VectorType(ir.IntType(16), LANES) if whole else FLOATS.llvm
        loaded = builder.load(_address(context, builder, array, args, kind))
        loaded.align = 2 if whole else 4
        return builder.sitofp(loaded, FLOATS.llvm) if whole else loaded

    return FLOATS(array, types.intp), generate


@instruction
def load_doubles(context: Any, array: Any, at: Any) -> Any:
    """16 doubles from element `at` on, of a float64 array, or of a float32 array, converted."""

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        scalar = _SCALARS[array.dtype]
        kind = ir.VectorType(scalar, DOUBLES)
        loaded = builder.load(_address(context, builder, array, args, kind))
        loaded.align = 4
        return loaded if kind == PAIRS.llvm else builder.fpext(loaded, PAIRS.llvm)

    return PAIRS(array, types.intp), generate


@instruction
def load_eight(context: Any, array: Any, at: Any) -> Any:
    """8 doubles from element `at` on, of a float64 array."""

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        loaded = builder.load(_address(context, builder, array, args, OCTETS.llvm))
        loaded.align = 8
        return loaded

    return OCTETS(array, types.intp), generate


@instruction
def store(context: Any, array: Any, at: Any, vector: Any) -> Any:
    """Write a vector from element `at` on, to an array of its numbers."""

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> None:
        to = _address(context, builder, array, args, vector.llvm)
        builder.store(args[2], to).align = 4

    return types.void(array, types.intp, vector), generate


def _call(builder: Any, name: str, result: Any, args: tuple, **options: Any) -> Any:
    """Call an LLVM function."""
    known = builder.module.globals.get(name)
    kind = ir.FunctionType(result, [value.type for value in args])
    return builder.call(known or ir.Function(builder.module, kind, name), args, **options)


def _spread(builder: Any, scalar: Any, kind: Any) -> Any:
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.IntType(32)(0))
    order = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(single, single, order)


@instruction
def splat(context: Any, array: Any, at: Any) -> Any:
    """64 times element `at` of a float32 array."""

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        at = _address(context, builder, array, args, ir.FloatType())
        return _spread(builder, builder.load(at), FLOATS.llvm)

    return FLOATS(array, types.intp), generate


@instruction
def full(context: Any, scalar: Any) -> Any:
    """64 times a float32, or 16 times a float64."""
    kind = FLOATS if scalar == types.float32 else PAIRS

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        return _spread(builder, args[0], kind.llvm)

    return kind(scalar), generate


@instruction
def eight(context: Any, scalar: Any) -> Any:
    """8 times a float64."""

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        return _spread(builder, args[0], OCTETS.llvm)

    return OCTETS(scalar), generate


@instruction
def square_root(context: Any, vector: Any) -> Any:
    """Square roots of 8 doubles, correctly rounded."""

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        return _call(builder, f"llvm.sqrt.v{EIGHT}f64", OCTETS.llvm, args)

    return OCTETS(vector), generate


@instruction
def fma(context: Any, a: Any, b: Any, c: Any) -> Any:
    """A b + c, rounded once."""

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        scalar = "f32" if a.scalar == types.float32 else "f64"
        return _call(builder, f"llvm.fma.v{a.llvm.count}{scalar}", a.llvm, args)

    return a(a, b, c), generate


@instruction
def smaller(context: Any, a: Any, b: Any) -> Any:
    """The smaller of each two numbers; b where one is NaN."""

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        return builder.select(builder.fcmp_ordered("<", *args), *args)

    return a(a, b), generate


@instruction
def larger(context: Any, a: Any, b: Any) -> Any:
    """The larger of each two numbers; b where one is NaN."""

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return a(a, b), generate


@instruction
def largest(context: Any, vector: Any) -> Any:
    """The largest number of a vector of floats."""

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        name = f"llvm.vector.reduce.fmax.v{LANES}f32"
        return _call(builder, name, ir.FloatType(), args, fastmath=("nnan",))

    return types.float32(vector), generate


@instruction
def _raised(context: Any, vector: Any, power: Any) -> Any:
    """Vector * 2^n, where n are the low bits of `power`."""

    def generate(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
        whole = ir.VectorType(ir.IntType(32), LANES)
        bits, n = (builder.bitcast(value, whole) for value in args)
        shift = ir.Constant(whole, [23] * LANES)
        return builder.bitcast(builder.add(bits, builder.shl(n, shift)), FLOATS.llvm)

    return FLOATS(vector, power), generate


LIMIT = np.float32(40)
_LOG2_E = np.float32(math.log2(math.e))
_ROUND = np.float32(1.5 * 2**23)
"""So large a number that a sum with it is rounded to an integer, found in the sum's low bits."""
_POLYNOMIAL = tuple(
    np.float32(c) for c in (0.001326472732, 0.009671512991, 0.05550733581, 0.2402224243, 0.693147)
)
"""2^r - 1 = c_4 r + c_3 r^2 + ..., least relative error for |r| <= 0.5."""


@part
def exp(x: Any) -> Any:
    """e^x of 64 floats, to 3e-7 of itself near 0 and 2e-6 far off; x is clipped to [-40, 40].

    e^x = 2^n 2^r with an integer n and |r| <= 0.5.
    """
    x = smaller(larger(x, full(-LIMIT)), full(LIMIT))
    rounded = fma(x, full(_LOG2_E), full(_ROUND))
    r = fma(x, full(_LOG2_E), full(_ROUND) - rounded)
    c = _POLYNOMIAL
    p = fma(r, full(c[0]), full(c[1]))
    p = fma(r, p, full(c[2]))
    p = fma(r, p, full(c[3]))
    p = fma(r, p, full(c[4]))
    return _raised(fma(r, p, full(np.float32(1))), rounded)
