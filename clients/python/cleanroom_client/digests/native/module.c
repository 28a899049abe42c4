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

/* The six arguments that are a text column, and the two that are written. */
typedef struct {
    Py_buffer validity, offsets, data, out, status;
    Py_ssize_t first, n;
    int wide;
} column_buffers;
#define COLUMN "z*z*z*pnnw*w*"
#define COLUMN_ARGS(b) \
    &(b).validity, &(b).offsets, &(b).data, &(b).wide, &(b).first, &(b).n, &(b).out, &(b).status

static text_column column_of(const column_buffers *b)
{
    return (text_column){
        .validity = b->validity.buf, .offsets = b->offsets.buf, .data = b->data.buf,
        .data_bytes = (uint64_t)b->data.len, .first = (size_t)b->first, .n = (size_t)b->n, .wide = b->wide,
    };
}

static void release(column_buffers *b)
{
    PyBuffer_Release(&b->validity);
    PyBuffer_Release(&b->offsets);
    PyBuffer_Release(&b->data);
    PyBuffer_Release(&b->out);
    PyBuffer_Release(&b->status);
}

/* Raises where the buffers cannot hold `first + n` values. */
static int fits(const column_buffers *b)
{
    const Py_ssize_t most = PY_SSIZE_T_MAX / 64, width = b->wide ? 8 : 4;
    if (b->first >= 0 && b->n >= 0 && b->first <= most && b->n <= most) {
        const Py_ssize_t end = b->first + b->n;
        const int offsets = b->n == 0 || b->offsets.len >= width * (end + 1);
        const int validity = b->validity.buf == NULL || b->validity.len >= (end + 7) / 8;
        if (offsets && validity && b->out.len == DIGEST * b->n && b->status.len == b->n)
            return 1;
    }
    PyErr_SetString(PyExc_ValueError, "the buffers do not have the size of so many values");
    return 0;
}

/* None, or the exception for NO_MEMORY or MISFIT. */
static PyObject *outcome(int result)
{
    if (result == NO_MEMORY)
        return PyErr_NoMemory();
    if (result == MISFIT)
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
    column_buffers b;
    int kind, failed = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "si" COLUMN ":identify", &name, &kind, COLUMN_ARGS(b)))
        return NULL;
    hash_many *hash = find_hash(name);
    const text_column c = column_of(&b);
    const int is_kind = kind >= 0 && kind < KINDS;
    if (hash && !is_kind)
        PyErr_SetString(PyExc_ValueError, "there is no such kind of value");
    const int ready = hash && is_kind && fits(&b);
    if (ready) {
        Py_BEGIN_ALLOW_THREADS
        failed = identify_column(hash, (value_kind)kind, &c, b.out.buf, b.status.buf);
        Py_END_ALLOW_THREADS
    }
    release(&b);
    return ready ? outcome(failed) : NULL;
}

PyDoc_STRVAR(texts_doc,
             "hmac_texts(path, key, prefix, validity, offsets, data, wide, first, n, out, there) -> None"
             "\n\nWrite HMAC-SHA256 of the prefix and each of n texts of an Arrow array, and whether there"
             " is one (1 byte each). Raises ValueError for sizes that do not fit.");

static PyObject *texts(PyObject *self, PyObject *args)
{
    const char *name;
    Py_buffer key, prefix;
    column_buffers b;
    int failed = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "sy*y*" COLUMN ":hmac_texts", &name, &key, &prefix, COLUMN_ARGS(b)))
        return NULL;
    hash_many *hash = find_hash(name);
    const text_column c = column_of(&b);
    const keyed k = {key.buf, prefix.buf, (size_t)key.len, (size_t)prefix.len};
    const int ready = hash && fits(&b);
    if (ready) {
        Py_BEGIN_ALLOW_THREADS
        failed = hmac_texts(hash, &k, &c, b.out.buf, b.status.buf);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&key);
    PyBuffer_Release(&prefix);
    release(&b);
    return ready ? outcome(failed) : NULL;
}

PyDoc_STRVAR(items_doc,
             "hmac_items(path, key, prefix, items) -> bytes\n\nReturn HMAC-SHA256 of the prefix and"
             " each packed item (32 bytes). Raises ValueError for lengths or a path that is not here.");

static PyObject *items(PyObject *self, PyObject *args)
{
    const char *name;
    Py_buffer key, prefix, packed;
    PyObject *out = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "sy*y*y*:hmac_items", &name, &key, &prefix, &packed))
        return NULL;
    hash_many *hash = find_hash(name);
    const keyed k = {key.buf, prefix.buf, (size_t)key.len, (size_t)prefix.len};
    if (hash && packed.len % DIGEST)
        PyErr_Format(PyExc_ValueError, "items have %d bytes each", DIGEST);
    else if (hash && (out = PyBytes_FromStringAndSize(NULL, packed.len)) != NULL && packed.len) {
        uint8_t *to = (uint8_t *)PyBytes_AsString(out);
        int failed;
        Py_BEGIN_ALLOW_THREADS
        failed = hmac_items(hash, &k, packed.buf, (size_t)packed.len / DIGEST, to);
        Py_END_ALLOW_THREADS
        if (failed) {
            Py_CLEAR(out);
            PyErr_NoMemory();
        }
    }
    PyBuffer_Release(&key);
    PyBuffer_Release(&prefix);
    PyBuffer_Release(&packed);
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
    {"hmac_items", items, METH_VARARGS, items_doc},
    {"hmac_texts", texts, METH_VARARGS, texts_doc},
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
