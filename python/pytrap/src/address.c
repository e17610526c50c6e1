/* SPDX-License-Identifier: BSD-3-Clause */
/** UnirecIPAddr and UnirecMACAddr. */
#include "pt.h"

static PyObject *ipaddress_module, *ipv4_address, *ipv6_address;

int pt_ip_init(void)
{
   ipaddress_module = PyImport_ImportModule("ipaddress");
   ipv4_address = ipaddress_module != NULL ? PyObject_GetAttrString(ipaddress_module, "IPv4Address") : NULL;
   ipv6_address = ipv4_address != NULL ? PyObject_GetAttrString(ipaddress_module, "IPv6Address") : NULL;
   return ipv6_address != NULL ? 0 : -1;
}

PyObject *pt_ipaddress(const char *name)
{
   return PyObject_GetAttrString(ipaddress_module, name);
}

const char *pt_text(PyObject *o, const char *what)
{
   Py_ssize_t n;
   if (!PyUnicode_Check(o)) {
      PyErr_Format(PyExc_TypeError, "%s must be a string, not %.100s.", what, Py_TYPE(o)->tp_name);
      return NULL;
   }
   const char *text = PyUnicode_AsUTF8AndSize(o, &n);
   if (text != NULL && strlen(text) != (size_t) n) {
      PyErr_Format(PyExc_ValueError, "%s has a null character.", what);
      return NULL;
   }
   return text;
}

PyObject *pt_compare(int order, int op)
{
   bool is = op == Py_LT   ? order < 0
             : op == Py_LE ? order <= 0
             : op == Py_EQ ? order == 0
             : op == Py_NE ? order != 0
             : op == Py_GT ? order > 0
                           : order >= 0;
   return PyBool_FromLong(is);
}

static Py_hash_t no_error(uint64_t h)
{
   return (Py_hash_t) h == -1 ? -2 : (Py_hash_t) h;
}

/* An argument that is one text. \return a borrowed reference */
static PyObject *one_argument(PyObject *args, PyObject *kwargs, const char *format, const char *keyword)
{
   PyObject *o = NULL;
   char *keywords[] = {(char *) (uintptr_t) keyword, NULL};
   return PyArg_ParseTupleAndKeywords(args, kwargs, format, keywords, &o) ? o : NULL;
}

/* ---------------------------------------------------------------------------------- IP */

PyObject *pt_ip_new(const void *ip)
{
   pt_ip_t *self = PyObject_New(pt_ip_t, &pt_ip_type);
   if (self != NULL) {
      memcpy(&self->ip, ip, sizeof(self->ip));
   }
   return (PyObject *) self;
}

int pt_ip_parse(PyObject *o, ip_addr_t *ip)
{
   const char *text = pt_text(o, "An IP address");
   if (text == NULL) {
      return -1;
   }
   if (!ip_from_str(text, ip)) {
      PyErr_SetString(pt_error, "Could not parse given IP address.");
      return -1;
   }
   return 0;
}

static int ip_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *text = one_argument(args, kwargs, "O:UnirecIPAddr", "ip");
   return text != NULL ? pt_ip_parse(text, &((pt_ip_t *) self)->ip) : -1;
}

static PyObject *ip_is_4(PyObject *self, PyObject *unused)
{
   return PyBool_FromLong(ip_is4(&((pt_ip_t *) self)->ip));
}

static PyObject *ip_is_6(PyObject *self, PyObject *unused)
{
   return PyBool_FromLong(ip_is6(&((pt_ip_t *) self)->ip));
}

static PyObject *ip_null(PyObject *self, PyObject *unused)
{
   return PyBool_FromLong(ip_is_null(&((pt_ip_t *) self)->ip));
}

static int ip_bool(PyObject *self)
{
   return !ip_is_null(&((pt_ip_t *) self)->ip);
}

/* The next or previous address of the same family; it wraps around. */
static PyObject *ip_step(PyObject *self, int step)
{
   ip_addr_t ip = ((pt_ip_t *) self)->ip;
   int first = ip_is4(&ip) ? 8 : 0, i = ip_is4(&ip) ? 11 : 15;
   for (bool carry = true; carry && i >= first; i--) {
      ip.bytes[i] = (uint8_t) (ip.bytes[i] + step);
      carry = ip.bytes[i] == (step > 0 ? 0 : 255);
   }
   return pt_ip_new(&ip);
}

static PyObject *ip_inc(PyObject *self, PyObject *unused)
{
   return ip_step(self, 1);
}

static PyObject *ip_dec(PyObject *self, PyObject *unused)
{
   return ip_step(self, -1);
}

static PyObject *ip_from_ipaddress(PyObject *type, PyObject *o)
{
   char *packed;
   Py_ssize_t n;
   int is4 = PyObject_IsInstance(o, ipv4_address), is6 = is4 == 0 ? PyObject_IsInstance(o, ipv6_address) : 0;
   if (is4 < 0 || is6 < 0) {
      return NULL;
   }
   if (!is4 && !is6) {
      PyErr_Format(PyExc_TypeError, "ipaddress.IPv4Address or IPv6Address expected, not %.100s.",
                   Py_TYPE(o)->tp_name);
      return NULL;
   }
   PyObject *bytes = PyObject_GetAttrString(o, "packed"), *self = NULL;
   if (bytes != NULL && PyBytes_AsStringAndSize(bytes, &packed, &n) == 0) {
      if (n != (is4 ? 4 : 16)) {
         PyErr_Format(PyExc_ValueError, "The address has %zd bytes.", n);
      } else {
         ip_addr_t ip = is4 ? ip_from_4_bytes_be(packed) : ip_from_16_bytes_be(packed);
         self = ((PyTypeObject *) type)->tp_alloc((PyTypeObject *) type, 0);
         if (self != NULL) {
            ((pt_ip_t *) self)->ip = ip;
         }
      }
   }
   Py_XDECREF(bytes);
   return self;
}

static PyObject *ip_to_ipaddress(PyObject *self, PyObject *unused)
{
   ip_addr_t ip = ((pt_ip_t *) self)->ip;
   bool is4 = ip_is4(&ip);
   const char *packed = is4 ? ip_get_v4_as_bytes(&ip) : (const char *) ip.bytes;
   return PyObject_CallFunction(is4 ? ipv4_address : ipv6_address, "y#", packed, (Py_ssize_t) (is4 ? 4 : 16));
}

static PyObject *ip_str(PyObject *self)
{
   char text[INET6_ADDRSTRLEN];
   ip_to_str(&((pt_ip_t *) self)->ip, text);
   return PyUnicode_FromString(text);
}

static PyObject *ip_repr(PyObject *self)
{
   char text[INET6_ADDRSTRLEN];
   ip_to_str(&((pt_ip_t *) self)->ip, text);
   return PyUnicode_FromFormat("UnirecIPAddr('%s')", text);
}

static PyObject *ip_compare(PyObject *a, PyObject *b, int op)
{
   if (!PT_IS_IP(a) || !PT_IS_IP(b)) {
      Py_RETURN_NOTIMPLEMENTED;
   }
   return pt_compare(ip_cmp(&((pt_ip_t *) a)->ip, &((pt_ip_t *) b)->ip), op);
}

static Py_hash_t ip_hash(PyObject *self)
{
   uint64_t w[2];
   uint32_t v4;
   const ip_addr_t *ip = &((pt_ip_t *) self)->ip;
   memcpy(w, ip, sizeof(w));
   memcpy(&v4, (const char *) ip + 8, sizeof(v4));
   return no_error(ip_is4(ip) ? v4 : w[0] ^ w[1]);
}

static int ip_contains(PyObject *self, PyObject *o)
{
   if (!PT_IS_IP(o)) {
      PyErr_SetString(PyExc_TypeError, "UnirecIPAddr object expected.");
      return -1;
   }
   return ip_cmp(&((pt_ip_t *) self)->ip, &((pt_ip_t *) o)->ip) == 0;
}

static PyMethodDef ip_methods[] = {
    {"isIPv4", ip_is_4, METH_NOARGS, PT_DOC("isIPv4($self)", "True for an IPv4 address.")},
    {"isIPv6", ip_is_6, METH_NOARGS, PT_DOC("isIPv6($self)", "True for an IPv6 address.")},
    {"isNull", ip_null, METH_NOARGS, PT_DOC("isNull($self)", "True for 0.0.0.0 and ::.")},
    {"inc", ip_inc, METH_NOARGS,
     PT_DOC("inc($self)", "The next address; after the last one comes the first.")},
    {"dec", ip_dec, METH_NOARGS,
     PT_DOC("dec($self)", "The address before; before the first one is the last.")},
    {"from_ipaddress", ip_from_ipaddress, METH_O | METH_CLASS,
     PT_DOC("from_ipaddress($type, address)", "Makes one of an ipaddress.IPv4Address or IPv6Address.")},
    {"to_ipaddress", ip_to_ipaddress, METH_NOARGS,
     PT_DOC("to_ipaddress($self)", "The address as ipaddress.IPv4Address or IPv6Address.")},
    {NULL, NULL, 0, NULL}};

static PyNumberMethods ip_number = {.nb_bool = ip_bool};
static PySequenceMethods ip_sequence = {.sq_contains = ip_contains};

PyTypeObject pt_ip_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pytrap.UnirecIPAddr",
    .tp_doc = PT_DOC("UnirecIPAddr(ip)",
                     "An IPv4 or IPv6 address, from text. It cannot be changed.\n\n"
                     "Addresses are ordered by their 16 bytes in a record, and are false when they are "
                     "0.0.0.0 or ::."),
    .tp_basicsize = sizeof(pt_ip_t),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = ip_init,
    .tp_methods = ip_methods,
    .tp_as_number = &ip_number,
    .tp_as_sequence = &ip_sequence,
    .tp_str = ip_str,
    .tp_repr = ip_repr,
    .tp_richcompare = ip_compare,
    .tp_hash = ip_hash,
};

/* --------------------------------------------------------------------------------- MAC */

PyObject *pt_mac_new(const void *mac)
{
   pt_mac_t *self = PyObject_New(pt_mac_t, &pt_mac_type);
   if (self != NULL) {
      memcpy(&self->mac, mac, sizeof(self->mac));
   }
   return (PyObject *) self;
}

/* mac_from_str() allows blanks and anything after the last group. */
static bool only_groups(const char *text)
{
   const char *end = text + strspn(text, "0123456789abcdefABCDEF:");
   const char *last = strrchr(text, ':');
   return *end == 0 && last != NULL && strlen(last + 1) <= 2;
}

int pt_mac_parse(PyObject *o, mac_addr_t *mac)
{
   const char *text = pt_text(o, "A MAC address");
   if (text == NULL) {
      return -1;
   }
   int colons = 0;
   for (const char *p = text; *p != 0; p++) {
      colons += *p == ':';
   }
   if (colons != 5 || !only_groups(text) || !mac_from_str(text, mac)) {
      PyErr_SetString(pt_error, "Could not parse given MAC address.");
      return -1;
   }
   return 0;
}

static int mac_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *text = one_argument(args, kwargs, "O:UnirecMACAddr", "mac");
   return text != NULL ? pt_mac_parse(text, &((pt_mac_t *) self)->mac) : -1;
}

static uint64_t mac_number(const mac_addr_t *mac)
{
   uint64_t n = 0;
   for (int i = 0; i < 6; i++) {
      n = n << 8 | mac->bytes[i];
   }
   return n;
}

static PyObject *mac_step(PyObject *self, uint64_t step)
{
   mac_addr_t mac;
   uint64_t n = mac_number(&((pt_mac_t *) self)->mac) + step;
   for (int i = 5; i >= 0; i--, n >>= 8) {
      mac.bytes[i] = (uint8_t) n;
   }
   return pt_mac_new(&mac);
}

static PyObject *mac_inc(PyObject *self, PyObject *unused)
{
   return mac_step(self, 1);
}

static PyObject *mac_dec(PyObject *self, PyObject *unused)
{
   return mac_step(self, UINT64_MAX);
}

static int mac_bool(PyObject *self)
{
   return mac_number(&((pt_mac_t *) self)->mac) != 0;
}

static PyObject *mac_null(PyObject *self, PyObject *unused)
{
   return PyBool_FromLong(!mac_bool(self));
}

static PyObject *mac_str(PyObject *self)
{
   char text[MAC_STR_LEN];
   mac_to_str(&((pt_mac_t *) self)->mac, text);
   return PyUnicode_FromString(text);
}

static PyObject *mac_repr(PyObject *self)
{
   char text[MAC_STR_LEN];
   mac_to_str(&((pt_mac_t *) self)->mac, text);
   return PyUnicode_FromFormat("UnirecMACAddr('%s')", text);
}

static PyObject *mac_compare(PyObject *a, PyObject *b, int op)
{
   if (!PT_IS_MAC(a) || !PT_IS_MAC(b)) {
      Py_RETURN_NOTIMPLEMENTED;
   }
   return pt_compare(mac_cmp(&((pt_mac_t *) a)->mac, &((pt_mac_t *) b)->mac), op);
}

static Py_hash_t mac_hash(PyObject *self)
{
   return no_error(mac_number(&((pt_mac_t *) self)->mac));
}

static int mac_contains(PyObject *self, PyObject *o)
{
   if (!PT_IS_MAC(o)) {
      PyErr_SetString(PyExc_TypeError, "UnirecMACAddr object expected.");
      return -1;
   }
   return mac_cmp(&((pt_mac_t *) self)->mac, &((pt_mac_t *) o)->mac) == 0;
}

static PyMethodDef mac_methods[] = {
    {"isNull", mac_null, METH_NOARGS, PT_DOC("isNull($self)", "True for 00:00:00:00:00:00.")},
    {"inc", mac_inc, METH_NOARGS,
     PT_DOC("inc($self)", "The next address; after the last one comes the first.")},
    {"dec", mac_dec, METH_NOARGS,
     PT_DOC("dec($self)", "The address before; before the first one is the last.")},
    {NULL, NULL, 0, NULL}};

static PyNumberMethods mac_as_number = {.nb_bool = mac_bool};
static PySequenceMethods mac_sequence = {.sq_contains = mac_contains};

PyTypeObject pt_mac_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pytrap.UnirecMACAddr",
    .tp_doc = PT_DOC("UnirecMACAddr(mac)",
                     "A MAC address, from text: six groups of one or two hexadecimal digits with ':' "
                     "between them. It cannot be changed."),
    .tp_basicsize = sizeof(pt_mac_t),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = mac_init,
    .tp_methods = mac_methods,
    .tp_as_number = &mac_as_number,
    .tp_as_sequence = &mac_sequence,
    .tp_str = mac_str,
    .tp_repr = mac_repr,
    .tp_richcompare = mac_compare,
    .tp_hash = mac_hash,
};
