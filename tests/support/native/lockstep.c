/* Raises a point to two scalars on the IFMA path, one instruction at a time, and compares the two runs.
 *
 * Both must execute the same instructions; where their general registers differ, the instruction's
 * address and those registers are printed, for the reader to see that no operand is addressed by
 * one of them. For the instructions that memcheck does not know. Linked statically, at fixed
 * addresses. Arguments: two scalars and the point in hexadecimal, and how many instructions to
 * compare at most.
 */

#define _GNU_SOURCE
#include "kernel.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { REGISTERS = 16, CODE = 1 << 24, LONGEST = 1 << 20, TRAP_FLAG = 0x100 };

static const int WHERE[REGISTERS] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
                                     REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
static const char *const NAMES[REGISTERS] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
                                             "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static struct { greg_t at, registers[REGISTERS]; } first[LONGEST];
static uint16_t seen[CODE], differing[CODE]; /* by address; of the latter a bit for each register */
static volatile long count, parted = -1;
static volatile int second_run;
static long limit;

__attribute__((noinline)) static void finish(void) { __asm__ volatile("nop"); }

static void compare(const greg_t *g)
{
    const greg_t at = g[REG_RIP];
    if (first[count].at != at) {
        parted = count;
        return;
    }
    for (int i = 0; i < REGISTERS; i++)
        differing[at] |= (uint16_t)((g[WHERE[i]] != first[count].registers[i]) << i);
    seen[at] = 1;
}

static void on_trap(int number, siginfo_t *info, void *context)
{
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)number, (void)info;
    if (g[REG_RIP] == (greg_t)finish || g[REG_RIP] >= CODE || count == limit || parted >= 0) {
        g[REG_EFL] &= ~(greg_t)TRAP_FLAG;
        return;
    }
    if (second_run) {
        compare(g);
    } else {
        first[count].at = g[REG_RIP];
        for (int i = 0; i < REGISTERS; i++)
            first[count].registers[i] = g[WHERE[i]];
    }
    count++;
}

/* Returns the number of instructions. */
__attribute__((noinline)) static long run(multiply_many *multiply, const uint8_t *point, const uint8_t *scalar)
{
    static uint8_t out[POINT], secret[POINT];
    memcpy(secret, scalar, POINT);
    count = 0;
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" : : : "cc", "memory");
    multiply(out, point, secret, 1);
    finish();
    return count;
}

static void read_hex(uint8_t out[POINT], const char *text)
{
    for (int i = 0; i < POINT; i++) {
        const char byte[3] = {text[2 * i], text[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
}

static void report(void)
{
    for (int at = 0; at < CODE; at++) {
        if (!seen[at])
            continue;
        printf("%x", at);
        for (int i = 0; i < REGISTERS; i++)
            if (differing[at] >> i & 1)
                printf(" %s", NAMES[i]);
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    static uint8_t scalars[2][POINT], point[POINT], stack[1 << 16];
    const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    const struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (argc != 5 || sigaltstack(&alternate, NULL) != 0 || sigaction(SIGTRAP, &action, NULL) != 0)
        return 2;
    read_hex(scalars[0], argv[1]);
    read_hex(scalars[1], argv[2]);
    read_hex(point, argv[3]);
    limit = atol(argv[4]) < LONGEST ? atol(argv[4]) : LONGEST;
    const long instructions = run(ifma_multiply, point, scalars[0]);
    second_run = 1;
    const long again = run(ifma_multiply, point, scalars[1]);
    if (parted >= 0 || again != instructions || instructions == LONGEST || instructions == 0) {
        printf("parted after %ld instructions of %ld\n", parted, instructions);
        return 1;
    }
    printf("together for %ld instructions\n", instructions);
    report();
    return 0;
}
