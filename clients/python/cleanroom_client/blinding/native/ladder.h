/* Ladders for one point or several, which portable.c runs over whole arrays. */
#ifndef CLEANROOM_LADDER_H
#define CLEANROOM_LADDER_H

#include "field.h"
#include "kernel.h"

/* x[i]/z[i] = k * points[i] for as many points as the ladder has lanes, for a clamped k; all limbs
 * are below 2^52.
 */
typedef void ladder(const fe *points, const uint8_t k[32], fe *x, fe *z);

#ifdef CLEANROOM_ADX
int has_adx(void);
ladder adx_ladder;
#endif

#ifdef CLEANROOM_AVX2
ladder avx2_ladder;
#endif

#endif
