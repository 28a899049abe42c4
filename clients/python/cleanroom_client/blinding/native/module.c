/* The Python face of the kernel: bytes in, bytes out, the interpreter lock released meanwhile.
 *
 * Checks lengths and points here, so that no path is ever given what it must not have.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <string.h>

#include "kernel.h"

typedef struct {
    const char *name;
    multiply_many *multiply;
    hash_many *hash;
    int (*runs_here)(void);
} path;

static int always(void) { return 1; }

#ifdef CLEANROOM_IFMA
static int has_ifma(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
           && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq")
           && __builtin_cpu_supports("avx512ifma");
}
#endif

#ifdef CLEANROOM_AVX2
static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

/* Fastest first; `plain` is what `portable` is on other processors, so that it is tested here. */
static const path PATHS[] = {
#ifdef CLEANROOM_IFMA
    {"avx512ifma", ifma_multiply, ifma_hash, has_ifma},
#endif
#ifdef CLEANROOM_AVX2
    {"avx2", avx2_multiply, portable_hash, has_avx2},
#endif
    {"portable", portable_multiply, portable_hash, always},
    {"plain", plain_multiply, portable_hash, always},
};
enum { PATH_COUNT = sizeof PATHS / sizeof PATHS[0] };

static const path *find_path(const char *name)
{
    for (int i = 0; i < PATH_COUNT; i++)
        if (strcmp(PATHS[i].name, name) == 0 && PATHS[i].runs_here())
            return &PATHS[i];
    PyErr_Format(PyExc_ValueError, "no path '%s' on this machine", name);
    return NULL;
}

/* u-coordinates of low order (RFC 7748, section 6.1), little-endian, in canonical form. */
static const uint8_t LOW_ORDER[5][POINT] = {
    {0},
    {1},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
     0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
     0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
};

static int is_bad(const uint8_t *u)
{
    int full = u[31] >= 0x7f;
    for (int i = 1; full && i < 31; i++)
        full = u[i] == 0xff;
    if (u[31] > 0x7f || (full && u[0] >= 0xed))
        return 1;
    for (int i = 0; i < 5; i++)
        if (memcmp(u, LOW_ORDER[i], POINT) == 0)
            return 1;
    return 0;
}

static Py_ssize_t first_bad(const uint8_t *points, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_bad(points + POINT * i))
            return (Py_ssize_t)i;
    return -1;
}

static PyObject *whole_points(const Py_buffer *in, const char *what)
{
    if (in->len % POINT == 0)
        return PyBytes_FromStringAndSize(NULL, in->len);
    PyErr_Format(PyExc_ValueError, "%s have %d bytes each", what, POINT);
    return NULL;
}

PyDoc_STRVAR(find_bad_doc,
             "find_bad(points) -> int\n\nReturn the position of the first packed point that is not"
             " canonical or of low order, or -1.");

static PyObject *find_bad(PyObject *self, PyObject *args)
{
    Py_buffer in;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*:find_bad", &in))
        return NULL;
    const Py_ssize_t found = in.len % POINT ? -2 : first_bad(in.buf, (size_t)in.len / POINT);
    PyBuffer_Release(&in);
    if (found == -2)
        return PyErr_Format(PyExc_ValueError, "points have %d bytes each", POINT);
    return PyLong_FromSsize_t(found);
}

PyDoc_STRVAR(multiply_doc,
             "multiply(path, points, scalar) -> bytes\n\nReturn each packed point raised to the"
             " scalar (32 bytes). Raises ValueError for lengths, a path that is not here, or a point"
             " that find_bad finds.");

static PyObject *multiply(PyObject *self, PyObject *args)
{
    const char *name;
    Py_buffer in, scalar;
    PyObject *out = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "sy*y*:multiply", &name, &in, &scalar))
        return NULL;
    const path *chosen = find_path(name);
    if (chosen && scalar.len != POINT)
        PyErr_Format(PyExc_ValueError, "a scalar has %d bytes", POINT);
    else if (chosen && (out = whole_points(&in, "points")) != NULL && in.len) {
        uint8_t *to = (uint8_t *)PyBytes_AsString(out);
        Py_ssize_t bad;
        Py_BEGIN_ALLOW_THREADS
        bad = first_bad(in.buf, (size_t)in.len / POINT);
        if (bad < 0)
            chosen->multiply(to, in.buf, scalar.buf, (size_t)in.len / POINT);
        Py_END_ALLOW_THREADS
        if (bad >= 0) {
            Py_CLEAR(out);
            PyErr_Format(PyExc_ValueError, "point %zd is not acceptable", bad);
        }
    }
    PyBuffer_Release(&in);
    PyBuffer_Release(&scalar);
    return out;
}

static void hash_unlocked(PyObject *out, const path *chosen, const messages *m, const Py_buffer *dst)
{
    uint8_t *to = (uint8_t *)PyBytes_AsString(out);
    if (m->n == 0)
        return;
    Py_BEGIN_ALLOW_THREADS
    chosen->hash(to, m, dst->buf, (size_t)dst->len);
    Py_END_ALLOW_THREADS
}

static int tag_fits(const Py_buffer *dst)
{
    if (dst->len >= 1 && dst->len <= 255)
        return 1;
    PyErr_SetString(PyExc_ValueError, "a domain separation tag has 1 to 255 bytes");
    return 0;
}

PyDoc_STRVAR(hash_to_curve_doc,
             "hash_to_curve(path, identities, dst) -> bytes\n\nReturn x(Q) of each packed identity"
             " of 32 bytes under a tag of 1 to 255 bytes, before the cofactor is cleared.");

static PyObject *hash_to_curve(PyObject *self, PyObject *args)
{
    const char *name;
    Py_buffer in, dst;
    PyObject *out = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "sy*y*:hash_to_curve", &name, &in, &dst))
        return NULL;
    const path *chosen = find_path(name);
    const messages m = {in.buf, NULL, (size_t)in.len / POINT};
    if (chosen && tag_fits(&dst) && (out = whole_points(&in, "identities")) != NULL)
        hash_unlocked(out, chosen, &m, &dst);
    PyBuffer_Release(&in);
    PyBuffer_Release(&dst);
    return out;
}

/* A copy of n + 1 offsets that are in order and within `bytes`, to be freed; or NULL. A copy, as
 * nothing keeps another thread from writing to a buffer while the lock is released.
 */
static int64_t *take_offsets(const Py_buffer *offsets, Py_ssize_t bytes)
{
    const Py_ssize_t count = offsets->len / (Py_ssize_t)sizeof(int64_t);
    if (count < 1 || offsets->len % (Py_ssize_t)sizeof(int64_t)) {
        PyErr_SetString(PyExc_ValueError, "offsets have 8 bytes each, and there is one at least");
        return NULL;
    }
    int64_t *copy = PyMem_Malloc((size_t)offsets->len);
    if (copy == NULL)
        return (int64_t *)PyErr_NoMemory();
    memcpy(copy, offsets->buf, (size_t)offsets->len);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (copy[i] >= (i ? copy[i - 1] : 0) && copy[i] <= bytes)
            continue;
        PyErr_Format(PyExc_ValueError, "offset %zd falls, or lies outside the data", i);
        PyMem_Free(copy);
        return NULL;
    }
    return copy;
}

PyDoc_STRVAR(hash_to_curve_many_doc,
             "hash_to_curve_many(path, data, offsets, dst) -> bytes\n\nReturn x(Q) of each message,"
             " data[offsets[i]:offsets[i + 1]], as hash_to_curve does. The n + 1 offsets are packed"
             " native int64. Raises ValueError for offsets that fall or lie outside the data.");

static PyObject *hash_to_curve_many(PyObject *self, PyObject *args)
{
    const char *name;
    Py_buffer data, offsets, dst;
    PyObject *out = NULL;
    int64_t *at = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "sy*y*y*:hash_to_curve_many", &name, &data, &offsets, &dst))
        return NULL;
    const path *chosen = find_path(name);
    if (chosen && tag_fits(&dst) && (at = take_offsets(&offsets, data.len)) != NULL) {
        const Py_ssize_t n = offsets.len / (Py_ssize_t)sizeof(int64_t) - 1;
        const messages m = {data.buf, at, (size_t)n};
        if ((out = PyBytes_FromStringAndSize(NULL, POINT * n)) != NULL)
            hash_unlocked(out, chosen, &m, &dst);
    }
    PyMem_Free(at);
    PyBuffer_Release(&data);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&dst);
    return out;
}

PyDoc_STRVAR(paths_doc, "paths() -> tuple[str, ...]\n\nReturn the paths that run here, fastest first.");

static PyObject *paths(PyObject *self, PyObject *none)
{
    (void)self, (void)none;
    PyObject *names = PyList_New(0), *result;
    for (int i = 0; names && i < PATH_COUNT; i++) {
        if (!PATHS[i].runs_here())
            continue;
        PyObject *name = PyUnicode_FromString(PATHS[i].name);
        if (name == NULL || PyList_Append(names, name) < 0)
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    result = names ? PyList_AsTuple(names) : NULL;
    Py_XDECREF(names);
    return result;
}

static PyMethodDef METHODS[] = {
    {"find_bad", find_bad, METH_VARARGS, find_bad_doc},
    {"multiply", multiply, METH_VARARGS, multiply_doc},
    {"hash_to_curve", hash_to_curve, METH_VARARGS, hash_to_curve_doc},
    {"hash_to_curve_many", hash_to_curve_many, METH_VARARGS, hash_to_curve_many_doc},
    {"paths", paths, METH_NOARGS, paths_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot SLOTS[] = {{0, NULL}};

static struct PyModuleDef DEFINITION = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_kernel",
    .m_doc = "X25519 and hashing to Curve25519 for many points at once.",
    .m_methods = METHODS,
    .m_slots = SLOTS,
};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&DEFINITION); }
