/* Integers modulo p = 2^255 - 19 in radix 2^51, one at a time; knows no curve.
 *
 * Limbs are below 2^52 between calls. No branch and no address depends on a value.
 * RFC 7748, section 4.1 gives p.
 */
#ifndef CLEANROOM_FIELD_H
#define CLEANROOM_FIELD_H

#include <stdint.h>
#include <string.h>

typedef struct { uint64_t v[5]; } fe;
typedef unsigned __int128 wide;

#define FE_MASK ((UINT64_C(1) << 51) - 1)

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t x = 0;
    for (int i = 0; i < 8; i++)
        x |= (uint64_t)p[i] << (8 * i);
    return x;
}

static inline void store64(uint8_t *p, uint64_t x)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(x >> (8 * i));
}

/* Reads 32 bytes, little-endian; the top bit is ignored (RFC 7748, section 5). */
static inline fe fe_load(const uint8_t s[32])
{
    const uint64_t a = load64(s), b = load64(s + 8), c = load64(s + 16), d = load64(s + 24);
    return (fe){{a & FE_MASK, ((a >> 51) | (b << 13)) & FE_MASK, ((b >> 38) | (c << 26)) & FE_MASK,
                 ((c >> 25) | (d << 39)) & FE_MASK, (d >> 12) & FE_MASK}};
}

/* Writes the canonical 32 bytes. */
static inline void fe_store(uint8_t s[32], fe a)
{
    uint64_t *v = a.v;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 4; i++) {
            v[i + 1] += v[i] >> 51;
            v[i] &= FE_MASK;
        }
        v[0] += 19 * (v[4] >> 51);
        v[4] &= FE_MASK;
    }
    uint64_t q = (v[0] + 19) >> 51; /* 1 exactly when a >= p */
    for (int i = 1; i < 5; i++)
        q = (v[i] + q) >> 51;
    v[0] += 19 * q;
    for (int i = 0; i < 4; i++) {
        v[i + 1] += v[i] >> 51;
        v[i] &= FE_MASK;
    }
    v[4] &= FE_MASK;
    store64(s, v[0] | v[1] << 51);
    store64(s + 8, v[1] >> 13 | v[2] << 38);
    store64(s + 16, v[2] >> 26 | v[3] << 25);
    store64(s + 24, v[3] >> 39 | v[4] << 12);
}

static inline fe fe_small(uint64_t x) { return (fe){{x, 0, 0, 0, 0}}; }

static inline fe fe_carry(fe a)
{
    const uint64_t *v = a.v;
    return (fe){{(v[0] & FE_MASK) + 19 * (v[4] >> 51), (v[1] & FE_MASK) + (v[0] >> 51),
                 (v[2] & FE_MASK) + (v[1] >> 51), (v[3] & FE_MASK) + (v[2] >> 51),
                 (v[4] & FE_MASK) + (v[3] >> 51)}};
}

static inline fe fe_add(fe a, fe b)
{
    fe r;
    for (int i = 0; i < 5; i++)
        r.v[i] = a.v[i] + b.v[i];
    return fe_carry(r);
}

/* a - b + 8p, so that no limb goes below zero. */
static inline fe fe_sub(fe a, fe b)
{
    fe r;
    r.v[0] = a.v[0] + 8 * (FE_MASK - 18) - b.v[0];
    for (int i = 1; i < 5; i++)
        r.v[i] = a.v[i] + 8 * FE_MASK - b.v[i];
    return fe_carry(r);
}

/* Sums and differences not carried: limbs below 2^53, for the next product alone, whose sums of
 * 128 bits hold them. What is subtracted has limbs below 2^52 - 38.
 */
static inline fe fe_plus(fe a, fe b)
{
    const uint64_t *v = a.v, *w = b.v;
    return (fe){{v[0] + w[0], v[1] + w[1], v[2] + w[2], v[3] + w[3], v[4] + w[4]}};
}

static inline fe fe_minus(fe a, fe b)
{
    const uint64_t *v = a.v, *w = b.v, low = 2 * (FE_MASK - 18), high = 2 * FE_MASK;
    return (fe){{v[0] + low - w[0], v[1] + high - w[1], v[2] + high - w[2], v[3] + high - w[3],
                 v[4] + high - w[4]}};
}

static inline fe fe_reduce(wide t0, wide t1, wide t2, wide t3, wide t4)
{
    fe r;
    t1 += (uint64_t)(t0 >> 51);
    t2 += (uint64_t)(t1 >> 51);
    t3 += (uint64_t)(t2 >> 51);
    t4 += (uint64_t)(t3 >> 51);
    r.v[0] = ((uint64_t)t0 & FE_MASK) + 19 * (uint64_t)(t4 >> 51);
    r.v[1] = ((uint64_t)t1 & FE_MASK) + (r.v[0] >> 51);
    r.v[0] &= FE_MASK;
    r.v[2] = (uint64_t)t2 & FE_MASK;
    r.v[3] = (uint64_t)t3 & FE_MASK;
    r.v[4] = (uint64_t)t4 & FE_MASK;
    return r;
}

static inline fe fe_mul(fe f, fe g)
{
    const uint64_t *a = f.v, *b = g.v;
    const uint64_t b1 = 19 * b[1], b2 = 19 * b[2], b3 = 19 * b[3], b4 = 19 * b[4];
    const wide t0 = (wide)a[0] * b[0] + (wide)a[1] * b4 + (wide)a[2] * b3 + (wide)a[3] * b2 + (wide)a[4] * b1;
    const wide t1 = (wide)a[0] * b[1] + (wide)a[1] * b[0] + (wide)a[2] * b4 + (wide)a[3] * b3 + (wide)a[4] * b2;
    const wide t2 = (wide)a[0] * b[2] + (wide)a[1] * b[1] + (wide)a[2] * b[0] + (wide)a[3] * b4 + (wide)a[4] * b3;
    const wide t3 = (wide)a[0] * b[3] + (wide)a[1] * b[2] + (wide)a[2] * b[1] + (wide)a[3] * b[0] + (wide)a[4] * b4;
    const wide t4 = (wide)a[0] * b[4] + (wide)a[1] * b[3] + (wide)a[2] * b[2] + (wide)a[3] * b[1] + (wide)a[4] * b[0];
    return fe_reduce(t0, t1, t2, t3, t4);
}

static inline fe fe_square(fe f)
{
    const uint64_t *a = f.v;
    const uint64_t d0 = 2 * a[0], d1 = 2 * a[1], a3 = 19 * a[3], a4 = 19 * a[4], e2 = 38 * a[2], e1 = 38 * a[1], e3 = 38 * a[3];
    const wide t0 = (wide)a[0] * a[0] + (wide)e1 * a[4] + (wide)e2 * a[3];
    const wide t1 = (wide)d0 * a[1] + (wide)e2 * a[4] + (wide)a3 * a[3];
    const wide t2 = (wide)d0 * a[2] + (wide)a[1] * a[1] + (wide)e3 * a[4];
    const wide t3 = (wide)d0 * a[3] + (wide)d1 * a[2] + (wide)a4 * a[4];
    const wide t4 = (wide)d0 * a[4] + (wide)d1 * a[3] + (wide)a[2] * a[2];
    return fe_reduce(t0, t1, t2, t3, t4);
}

static inline fe fe_times(fe a, uint64_t small)
{
    return fe_reduce((wide)a.v[0] * small, (wide)a.v[1] * small, (wide)a.v[2] * small,
                     (wide)a.v[3] * small, (wide)a.v[4] * small);
}

/* bit ? b : a, for bit 0 or 1. */
static inline fe fe_select(fe a, fe b, uint64_t bit)
{
    fe r;
    const uint64_t mask = 0 - bit;
    for (int i = 0; i < 5; i++)
        r.v[i] = a.v[i] ^ (mask & (a.v[i] ^ b.v[i]));
    return r;
}

#endif
