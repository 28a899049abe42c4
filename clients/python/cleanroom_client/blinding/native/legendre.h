/* The Legendre symbol modulo p, one at a time; knows no curve.
 *
 * A binary gcd of a = z and b = p in batches of 29 steps, each on 63-bit approximations of both
 * numbers: their top 31 and low 32 bits (Pornin, "Optimized Binary GCD for Modular Inversion",
 * IACR ePrint 2020/972). The factors of a batch are then applied to the whole numbers. The low bits
 * are exact throughout a batch, and the symbol follows from them alone. The top bits decide what is
 * swapped: where they mislead, a number turns negative, which costs time and never the result.
 * The time depends on the values, which no caller may mind.
 *
 * The symbol (a / |b|), b odd, changes its sign
 * - at a swap, when a and b are 3 modulo 4 (quadratic reciprocity, which holds for signed numbers
 *   unless both are negative; a step makes no second number negative where one is);
 * - at a halving of a, when b is 3 or 5 modulo 8;
 * - at a negation of a, when |b| is 3 modulo 4.
 */
#ifndef CLEANROOM_LEGENDRE_H
#define CLEANROOM_LEGENDRE_H

#include "field.h"

enum { LIMB = 58, LIMBS = 5, STEPS = 29 };

#define LIMB_MASK ((INT64_C(1) << LIMB) - 1)

typedef __int128 signed_wide;

/* Limbs of 58 bits. */
typedef struct { int64_t v[LIMBS]; } number;

/* Approximations, and factors f + 2^32 g: a' = (f a + g b) / 2^29 with `to_a`, b' with `to_b`.
 * Bit 1 of `signs` says whether the sign was changed an odd number of times.
 */
typedef struct { uint64_t a, b, to_a, to_b, signs; } steps;

static inline number number_of(fe z)
{
    uint8_t s[40] = {0};
    number r;
    fe_store(s, z);
    for (int i = 0; i < LIMBS; i++) {
        const int at = LIMB * i;
        r.v[i] = (int64_t)(load64(s + at / 8) >> (at % 8)) & LIMB_MASK;
    }
    return r;
}

static inline int bit_length(wide x)
{
    const uint64_t high = (uint64_t)(x >> 64), low = (uint64_t)x;
    return high ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll(low | 1);
}

/* Requires that no limb above `top` is set. */
static inline steps begin_steps(const number *a, const number *b, int top, uint64_t signs)
{
    const int below = top ? top - 1 : 0;
    const uint64_t low = 0xffffffff;
    const wide high_a = (wide)(uint64_t)a->v[top] << LIMB | (uint64_t)(top ? a->v[below] : 0);
    const wide high_b = (wide)(uint64_t)b->v[top] << LIMB | (uint64_t)(top ? b->v[below] : 0);
    const int n = bit_length(high_a | high_b);
    if (top == 0)
        return (steps){(uint64_t)a->v[0], (uint64_t)b->v[0], 1, UINT64_C(1) << 32, signs};
    if (top == 1 && n < 64) /* exact */
        return (steps){(uint64_t)high_a, (uint64_t)high_b, 1, UINT64_C(1) << 32, signs};
    return (steps){(uint64_t)(high_a >> (n - 31)) << 32 | ((uint64_t)a->v[0] & low),
                   (uint64_t)(high_b >> (n - 31)) << 32 | ((uint64_t)b->v[0] & low),
                   1, UINT64_C(1) << 32, signs};
}

/* Where a is odd, a and b become the difference and the smaller; then a is halved. */
static inline void step(steps *s)
{
    const uint64_t odd = 0 - (s->a & 1);
    const uint64_t difference = s->a - (s->b & odd), factors = s->to_a - (s->to_b & odd);
    const uint64_t swap = 0 - (difference >> 63);
    s->signs ^= swap & s->a & s->b;
    s->b ^= (s->a ^ s->b) & swap;
    s->to_b ^= (s->to_a ^ s->to_b) & swap;
    s->to_b += s->to_b;
    s->to_a = (factors ^ swap) - swap;
    s->a = ((difference ^ swap) - swap) >> 1;
    s->signs ^= s->b ^ s->b >> 1;
}

/* (f a + g b) / 2^29; returns whether that was negative and is negated. */
static inline int combine(number *r, const number *a, const number *b, uint64_t factors, int top)
{
    const int64_t f = (int32_t)(uint32_t)factors;
    const int64_t g = (int32_t)(uint32_t)((factors + (UINT64_C(1) << 31)) >> 32);
    signed_wide sum = ((signed_wide)f * a->v[0] + (signed_wide)g * b->v[0]) >> STEPS;
    for (int i = 1; i <= top; i++) {
        sum += ((signed_wide)f * a->v[i] + (signed_wide)g * b->v[i]) * (INT64_C(1) << STEPS);
        r->v[i - 1] = (int64_t)sum & LIMB_MASK;
        sum >>= LIMB;
    }
    r->v[top] = (int64_t)sum;
    if (sum >= 0)
        return 0;
    int64_t carry = 0;
    for (int i = 0; i <= top; i++) {
        carry -= r->v[i];
        r->v[i] = carry & LIMB_MASK;
        carry >>= LIMB;
    }
    return 1;
}

/* Whether z is no square modulo p. Zero counts as a square. */
static int is_nonsquare(fe z)
{
    number a = number_of(z), b, next;
    uint64_t signs = 0;
    int top = LIMBS - 1;
    for (int i = 0; i < LIMBS; i++) /* p */
        b.v[i] = i ? LIMB_MASK : LIMB_MASK - 18;
    b.v[top] = (INT64_C(1) << (255 - LIMB * top)) - 1;
    for (;;) {
        int64_t any = 0;
        for (int i = 0; i <= top; i++)
            any |= a.v[i];
        if (any == 0)
            return (signs & 2) != 0;
        while ((a.v[top] | b.v[top]) == 0)
            top--;
        steps s = begin_steps(&a, &b, top, signs);
        for (int i = 0; i < STEPS; i++)
            step(&s);
        const int minus_a = combine(&next, &a, &b, s.to_a, top);
        combine(&b, &a, &b, s.to_b, top);
        a = next;
        signs = s.signs ^ (minus_a ? (uint64_t)b.v[0] : 0);
    }
}

#endif
