/* One function of field8.h on limbs as they are, to see its bounds kept: reads a, b of five limbs in
 * eight lanes each, and writes what OPERATION makes of them.
 */

#include <stdio.h>

#pragma GCC target("avx512f,avx512dq,avx512ifma")
#include "field8.h"

#define WIDE(x) fe8_widen(x)
static inline fe8w operate(fe8 a, fe8 b) { return OPERATION; }

int main(void)
{
    fe8 in[2];
    while (fread(in, sizeof in, 1, stdin) == 1) {
        const fe8w out = operate(in[0], in[1]);
        fwrite(&out, sizeof out, 1, stdout);
    }
    return 0;
}
