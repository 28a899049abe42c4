/* The ladder of the portable path on x86-64 processors with BMI2 and ADX. */

#include "ladder.h"

#ifdef CLEANROOM_ADX

#include <cpuid.h>

#include "field4.h"

int has_adx(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 8 & 1) /* BMI2 */ && (b >> 19 & 1);
}

/* The ladder of portable.c, in an order that keeps independent products side by side. */
void adx_ladder(const fe *point, const uint8_t k[32], fe *x, fe *z)
{
    const fe4 u = fe4_from(*point);
    fe4 x2 = {{1}}, z2 = {{0}}, x3 = u, z3 = {{1}};
    uint64_t before = 0;
    for (int t = 254; t >= 0; t--) {
        const uint64_t bit = k[t >> 3] >> (t & 7) & 1, swap = bit ^ before;
        const fe4 a = fe4_add(x2, z2), b = fe4_sub(x2, z2), c = fe4_add(x3, z3), d = fe4_sub(x3, z3);
        const fe4 aa = fe4_square(fe4_select(a, c, swap)), bb = fe4_square(fe4_select(b, d, swap));
        const fe4 da = fe4_mul(d, a), cb = fe4_mul(c, b);
        const fe4 e = fe4_sub(aa, bb);
        x2 = fe4_mul(aa, bb);
        const fe4 f = fe4_add(aa, fe4_times(e, 121665)), g = fe4_square(fe4_sub(da, cb));
        x3 = fe4_square(fe4_add(da, cb));
        z2 = fe4_mul(e, f);
        z3 = fe4_mul(u, g);
        before = bit;
    }
    *x = fe4_to(x2), *z = fe4_to(z2);
}

#endif
