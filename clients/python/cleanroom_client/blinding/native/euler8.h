/* Euler's criterion in eight lanes of four groups side by side; knows no curve.
 *
 * A chain of squarings waits for itself: four independent chains fill the gaps. The groups stay in
 * memory and are squared in place, as no copy of all four fits into the registers.
 */
#ifndef CLEANROOM_EULER8_H
#define CLEANROOM_EULER8_H

#include "field8.h"

enum { QUAD = 4 };

static inline void mul_4(fe8 *a, const fe8 *b)
{
    for (int i = 0; i < QUAD; i++)
        a[i] = fe8_carry(fe8_mul(a[i], b[i]));
}

/* r = a^(2^n), n > 0. */
static __attribute__((noinline)) void square_times_4(fe8 *r, const fe8 *a, int n)
{
    for (int i = 0; i < QUAD; i++)
        r[i] = fe8_carry(fe8_square(a[i]));
    while (--n)
        for (int i = 0; i < QUAD; i++)
            r[i] = fe8_carry(fe8_square(r[i]));
}

/* z = z^((p - 1) / 2): 1, -1 or 0. The chain is that of powers.h. */
static void euler_4(fe8 z[QUAD])
{
    fe8 t[QUAD], t5[QUAD], t10[QUAD], t50[QUAD], z6[QUAD];
    square_times_4(t, z, 1); /* z^2 */
    square_times_4(z6, t, 1);
    square_times_4(t5, t, 2);
    mul_4(z6, t);
    mul_4(t5, z); /* z^9 */
    mul_4(t, t5); /* z^11 */
    square_times_4(t, t, 1);
    mul_4(t5, t);
    square_times_4(t10, t5, 5);
    mul_4(t10, t5);
    square_times_4(t, t10, 10);
    mul_4(t, t10); /* z^(2^20 - 1) */
    square_times_4(t50, t, 20);
    mul_4(t50, t);
    square_times_4(t50, t50, 10);
    mul_4(t50, t10);
    square_times_4(t, t50, 50);
    mul_4(t, t50); /* z^(2^100 - 1) */
    square_times_4(z, t, 100);
    mul_4(z, t);
    square_times_4(z, z, 50);
    mul_4(z, t50);
    square_times_4(z, z, 4);
    mul_4(z, z6);
}

#endif
