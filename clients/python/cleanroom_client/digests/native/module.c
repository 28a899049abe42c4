/* The Python face of the digests: buffers in, bytes out, the interpreter lock released meanwhile.
 *
 * Checks lengths here, so that nothing behind is ever given what it must not have.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <string.h>

#include "digests.h"

typedef struct {
    const char *name;
    hash_many *hash;
    int (*runs_here)(void);
} path;

static int always(void) { return 1; }

#ifdef CLEANROOM_X86
#include <cpuid.h>

static int has_avx512(void) { return __builtin_cpu_supports("avx512f"); }
static int has_avx2(void) { return __builtin_cpu_supports("avx2"); }

/* Compilers' own names for this one are younger than the instructions. */
static int has_shani(void)
{
    unsigned a, b, c, d;
    return __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}
#endif

/* Fastest first. */
static const path PATHS[] = {
#ifdef CLEANROOM_X86
    {"avx512", avx512_sha256, has_avx512},
    {"shani", shani_sha256, has_shani},
    {"avx2", avx2_sha256, has_avx2},
#endif
    {"portable", portable_sha256, always},
};
enum { PATH_COUNT = sizeof PATHS / sizeof PATHS[0] };

static hash_many *find_hash(const char *name)
{
    for (int i = 0; i < PATH_COUNT; i++)
        if (strcmp(PATHS[i].name, name) == 0 && PATHS[i].runs_here())
            return PATHS[i].hash;
    PyErr_Format(PyExc_ValueError, "no path '%s' on this machine", name);
    return NULL;
}

/* Raises where the buffers cannot hold `first + n` values. */
static int fits(const text_column *c, const Py_buffer *validity, const Py_buffer *offsets,
                const Py_buffer *out, const Py_buffer *status)
{
    const size_t most = PY_SSIZE_T_MAX / 64, width = c->wide ? 8 : 4;
    const int counted = c->first <= most && c->n <= most;
    const size_t end = counted ? c->first + c->n : 0;
    const int read = counted && (c->n == 0 || (size_t)offsets->len >= width * (end + 1))
                     && (c->validity == NULL || (size_t)validity->len >= (end + 7) / 8);
    if (read && (size_t)out->len == DIGEST * c->n && (size_t)status->len == c->n)
        return 1;
    PyErr_SetString(PyExc_ValueError, "the buffers do not have the size of so many values");
    return 0;
}

static PyObject *identify_into(hash_many *hash, int kind, const text_column *c, uint8_t *out, uint8_t *status)
{
    int failed;
    Py_BEGIN_ALLOW_THREADS
    failed = identify_column(hash, (value_kind)kind, c, out, status);
    Py_END_ALLOW_THREADS
    if (failed == -1)
        return PyErr_NoMemory();
    if (failed)
        return PyErr_Format(PyExc_ValueError, "the offsets of a text column do not fit its data");
    Py_RETURN_NONE;
}

PyDoc_STRVAR(identify_doc,
             "identify(path, kind, validity, offsets, data, wide, first, n, out, status) -> None\n\n"
             "Write the identities (32 bytes each) and statuses (1 byte each) of n values of an Arrow"
             " text array, from its buffers. Raises ValueError for sizes that do not fit.");

static PyObject *identify(PyObject *self, PyObject *args)
{
    const char *name;
    Py_buffer validity, offsets, data, out, status;
    Py_ssize_t first, n;
    int kind, wide;
    PyObject *result = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "siz*z*z*pnnw*w*:identify", &name, &kind, &validity, &offsets, &data,
                          &wide, &first, &n, &out, &status))
        return NULL;
    hash_many *hash = find_hash(name);
    const text_column c = {
        .validity = validity.buf, .offsets = offsets.buf, .data = data.buf,
        .data_bytes = (uint64_t)data.len,
        .first = (size_t)first, .n = (size_t)n, .wide = wide,
    };
    if (hash && (kind < 0 || kind >= KINDS))
        PyErr_SetString(PyExc_ValueError, "there is no such kind of value");
    else if (hash && fits(&c, &validity, &offsets, &out, &status))
        result = identify_into(hash, kind, &c, out.buf, status.buf);
    PyBuffer_Release(&validity);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&data);
    PyBuffer_Release(&out);
    PyBuffer_Release(&status);
    return result;
}

PyDoc_STRVAR(hmac_doc,
             "hmac_sha256(path, key, prefix, items) -> bytes\n\nReturn HMAC-SHA256 of the prefix and"
             " each packed item (32 bytes). Raises ValueError for lengths or a path that is not here.");

static PyObject *hmac_sha256(PyObject *self, PyObject *args)
{
    const char *name;
    Py_buffer key, prefix, items;
    PyObject *out = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "sy*y*y*:hmac_sha256", &name, &key, &prefix, &items))
        return NULL;
    hash_many *hash = find_hash(name);
    if (hash && items.len % DIGEST)
        PyErr_Format(PyExc_ValueError, "items have %d bytes each", DIGEST);
    else if (hash && (out = PyBytes_FromStringAndSize(NULL, items.len)) != NULL && items.len) {
        uint8_t *to = (uint8_t *)PyBytes_AsString(out);
        int failed;
        Py_BEGIN_ALLOW_THREADS
        failed = hmac_many(hash, to, key.buf, (size_t)key.len, prefix.buf, (size_t)prefix.len,
                           items.buf, (size_t)items.len / DIGEST);
        Py_END_ALLOW_THREADS
        if (failed) {
            Py_CLEAR(out);
            PyErr_NoMemory();
        }
    }
    PyBuffer_Release(&key);
    PyBuffer_Release(&prefix);
    PyBuffer_Release(&items);
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
    {"identify", identify, METH_VARARGS, identify_doc},
    {"hmac_sha256", hmac_sha256, METH_VARARGS, hmac_doc},
    {"paths", paths, METH_NOARGS, paths_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot SLOTS[] = {{0, NULL}};

static struct PyModuleDef DEFINITION = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_digests",
    .m_doc = "SHA-256 identities and HMACs of many values at once.",
    .m_methods = METHODS,
    .m_slots = SLOTS,
};

PyMODINIT_FUNC PyInit__digests(void) { return PyModuleDef_Init(&DEFINITION); }
