/* SPDX-License-Identifier: BSD-3-Clause */
/** UnirecIPAddrRange and UnirecMACAddrRange. */
#include "pt.h"

typedef struct {
   PyObject_HEAD mac_addr_t start, end;
} mac_range_t;

/* ------------------------------------------------------------------------ IP ranges */

static int bits_of(const ip_addr_t *ip)
{
   return ip_is4(ip) ? 32 : 128;
}

/* Bytes of the address alone. */
static uint8_t *address(ip_addr_t *ip)
{
   return ip_is4(ip) ? ip->bytes + 8 : ip->bytes;
}

static int common_prefix(ip_addr_t a, ip_addr_t b)
{
   int bits = bits_of(&a), n = 0;
   const uint8_t *p = address(&a), *q = address(&b);
   while (n < bits && ((p[n / 8] ^ q[n / 8]) >> (7 - n % 8) & 1) == 0) {
      n++;
   }
   return n;
}

/* The first or last address of a network. */
static ip_addr_t edge(ip_addr_t ip, int prefix, bool last)
{
   int bits = bits_of(&ip);
   uint8_t *p = address(&ip);
   for (int i = 0; i < bits / 8; i++) {
      int fixed = prefix - 8 * i;
      uint8_t host = fixed >= 8 ? 0 : fixed <= 0 ? 255 : (uint8_t) (255 >> fixed);
      p[i] = (uint8_t) (last ? p[i] | host : p[i] & ~host);
   }
   return ip;
}

static int parse_network(const char *text, const char *slash, pt_ip_range_t *r)
{
   char address_text[INET6_ADDRSTRLEN + 1];
   ip_addr_t ip;
   size_t n = strspn(slash + 1, "0123456789");
   int at = (int) (slash - text);
   if (n == 0 || slash[1 + n] != 0) {
      PyErr_Format(PyExc_TypeError, "Malformed netmask %.50s.", slash + 1);
      return -1;
   }
   if ((size_t) at >= sizeof(address_text) ||
       snprintf(address_text, sizeof(address_text), "%.*s", at, text) != at ||
       !ip_from_str(address_text, &ip)) {
      PyErr_SetString(pt_error, "Could not parse given IP address.");
      return -1;
   }
   long prefix = n > 3 ? 1000 : strtol(slash + 1, NULL, 10);
   if (prefix > bits_of(&ip)) {
      PyErr_Format(PyExc_ValueError, "Netmask %.50s is too long, expected 0 to %d.", slash + 1, bits_of(&ip));
      return -1;
   }
   r->mask = (int) prefix;
   r->start = edge(ip, r->mask, false);
   r->end = edge(ip, r->mask, true);
   return 0;
}

static int one_end(PyObject *o, ip_addr_t *ip)
{
   if (PyUnicode_Check(o)) {
      return pt_ip_parse(o, ip);
   }
   if (!PT_IS_IP(o)) {
      PyErr_SetString(PyExc_TypeError, "String or UnirecIPAddr object expected.");
      return -1;
   }
   *ip = ((pt_ip_t *) o)->ip;
   return 0;
}

static int check_ends(const ip_addr_t *start, const ip_addr_t *end)
{
   if (ip_is4(start) != ip_is4(end)) {
      PyErr_SetString(PyExc_ValueError, "Incompatible versions of IP - mixing IPv4 and IPv6 is unexpected.");
      return -1;
   }
   if (ip_cmp(start, end) > 0) {
      PyErr_SetString(PyExc_ValueError, "End IP is bigger than Start IP - this is unexpected.");
      return -1;
   }
   return 0;
}

static int set_range(pt_ip_range_t *r, PyObject *start, PyObject *end)
{
   if (PyUnicode_Check(start)) {
      const char *text = pt_text(start, "A range"), *slash = text != NULL ? strchr(text, '/') : NULL;
      if (text == NULL) {
         return -1;
      }
      if (slash != NULL && end != NULL) {
         PyErr_SetString(PyExc_TypeError, "End argument is unexpected when start is in <ip>/<mask> format.");
         return -1;
      }
      if (slash != NULL) {
         return parse_network(text, slash, r);
      }
      if (end == NULL) {
         PyErr_SetString(PyExc_TypeError,
                         "End argument is required when start is not in <ip>/<mask> format.");
         return -1;
      }
   }
   if (end == NULL) {
      PyErr_SetString(PyExc_TypeError,
                      PT_IS_IP(start) ? "Missing end argument." : "String or UnirecIPAddr object expected.");
      return -1;
   }
   if (one_end(start, &r->start) != 0 || one_end(end, &r->end) != 0 || check_ends(&r->start, &r->end) != 0) {
      return -1;
   }
   r->mask = common_prefix(r->start, r->end);
   return 0;
}

static int ip_range_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *start, *end = NULL;
   static char *keywords[] = {"start", "end", NULL};
   pt_ip_range_t made;
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:UnirecIPAddrRange", keywords, &start, &end) ||
       set_range(&made, start, end == Py_None ? NULL : end) != 0) {
      return -1;
   }
   pt_ip_range_t *r = (pt_ip_range_t *) self;
   r->start = made.start;
   r->end = made.end;
   r->mask = made.mask;
   return 0;
}

/* Is o of a type of the module ipaddress? -1 on a failure */
static int is_a(PyObject *o, const char *name)
{
   PyObject *type = pt_ipaddress(name);
   int is = type != NULL ? PyObject_IsInstance(o, type) : -1;
   Py_XDECREF(type);
   return is;
}

static PyObject *ip_range_from_ipaddress(PyObject *type, PyObject *o)
{
   int is4 = is_a(o, "IPv4Network"), is6 = is4 == 0 ? is_a(o, "IPv6Network") : 0;
   if (is4 < 0 || is6 < 0) {
      return NULL;
   }
   if (!is4 && !is6) {
      PyErr_Format(PyExc_TypeError, "ipaddress.IPv4Network or IPv6Network expected, not %.100s.",
                   Py_TYPE(o)->tp_name);
      return NULL;
   }
   PyObject *text = PyObject_GetAttrString(o, "with_prefixlen");
   PyObject *made = text != NULL ? PyObject_CallFunctionObjArgs(type, text, NULL) : NULL;
   Py_XDECREF(text);
   return made;
}

static PyObject *ip_range_to_ipaddress(PyObject *self, PyObject *unused)
{
   pt_ip_range_t *r = (pt_ip_range_t *) self;
   ip_addr_t start = r->start;
   PyObject *type = pt_ipaddress(ip_is4(&start) ? "IPv4Network" : "IPv6Network");
   PyObject *made = type != NULL ? PyObject_CallFunction(type, "((y#i))", (const char *) address(&start),
                                                         (Py_ssize_t) bits_of(&start) / 8, r->mask)
                                 : NULL;
   Py_XDECREF(type);
   return made;
}

/* -1 below, 0 inside, 1 above; -2: no address, with TypeError */
static int ip_place(PyObject *self, PyObject *o)
{
   pt_ip_range_t *r = (pt_ip_range_t *) self;
   if (!PT_IS_IP(o)) {
      PyErr_SetString(PyExc_TypeError, "UnirecIPAddr object expected.");
      return -2;
   }
   const ip_addr_t *ip = &((pt_ip_t *) o)->ip;
   return ip_cmp(ip, &r->start) < 0 ? -1 : ip_cmp(ip, &r->end) > 0 ? 1 : 0;
}

static PyObject *ip_range_is_in(PyObject *self, PyObject *o)
{
   int place = ip_place(self, o);
   return place == -2 ? NULL : PyLong_FromLong(place);
}

static int ip_range_contains(PyObject *self, PyObject *o)
{
   int place = ip_place(self, o);
   return place == -2 ? -1 : place == 0;
}

static PyObject *ip_range_overlap(PyObject *self, PyObject *o)
{
   pt_ip_range_t *a = (pt_ip_range_t *) self, *b = (pt_ip_range_t *) o;
   if (!PyObject_TypeCheck(o, &pt_ip_range_type)) {
      PyErr_SetString(PyExc_TypeError, "UnirecIPAddrRange object expected.");
      return NULL;
   }
   return PyBool_FromLong(ip_cmp(&b->start, &a->start) >= 0 && ip_cmp(&b->start, &a->end) <= 0);
}

static PyObject *ip_range_text(PyObject *self, const char *format)
{
   char start[INET6_ADDRSTRLEN], end[INET6_ADDRSTRLEN];
   ip_to_str(&((pt_ip_range_t *) self)->start, start);
   ip_to_str(&((pt_ip_range_t *) self)->end, end);
   return PyUnicode_FromFormat(format, start, end);
}

static PyObject *ip_range_str(PyObject *self)
{
   return ip_range_text(self, "%s - %s");
}

static PyObject *ip_range_repr(PyObject *self)
{
   return ip_range_text(self, "UnirecIPAddrRange(UnirecIPAddr('%s'), UnirecIPAddr('%s'))");
}

/* Equal when both ends are; starts are compared by < and <=, ends by > and >=. */
static PyObject *compare_ranges(int starts, int ends, int op)
{
   if (op == Py_EQ || op == Py_NE) {
      return pt_compare(starts != 0 || ends != 0, op);
   }
   return pt_compare(op == Py_LT || op == Py_LE ? starts : ends, op);
}

static PyObject *ip_range_compare(PyObject *a, PyObject *b, int op)
{
   if (!PyObject_TypeCheck(a, &pt_ip_range_type) || !PyObject_TypeCheck(b, &pt_ip_range_type)) {
      Py_RETURN_NOTIMPLEMENTED;
   }
   const pt_ip_range_t *x = (pt_ip_range_t *) a, *y = (pt_ip_range_t *) b;
   return compare_ranges(ip_cmp(&x->start, &y->start), ip_cmp(&x->end, &y->end), op);
}

static Py_hash_t hash_words(const void *data, size_t size)
{
   uint64_t h = 0x9e3779b97f4a7c15u, w;
   for (size_t i = 0; i < size; i += sizeof(w)) {
      w = 0;
      memcpy(&w, (const char *) data + i, size - i < sizeof(w) ? size - i : sizeof(w));
      h = (h ^ w) * 0xff51afd7ed558ccdu;
      h ^= h >> 32;
   }
   return (Py_hash_t) h == -1 ? -2 : (Py_hash_t) h;
}

static Py_hash_t ip_range_hash(PyObject *self)
{
   ip_addr_t ends[2] = {((pt_ip_range_t *) self)->start, ((pt_ip_range_t *) self)->end};
   return hash_words(ends, sizeof(ends));
}

static PyObject *ip_range_get(PyObject *self, void *which)
{
   pt_ip_range_t *r = (pt_ip_range_t *) self;
   return pt_ip_new(which == NULL ? &r->start : &r->end);
}

static int ip_range_set(PyObject *self, PyObject *o, void *which)
{
   pt_ip_range_t *r = (pt_ip_range_t *) self;
   if (o == NULL || !PT_IS_IP(o)) {
      PyErr_SetString(PyExc_TypeError, "UnirecIPAddr object expected.");
      return -1;
   }
   ip_addr_t start = which == NULL ? ((pt_ip_t *) o)->ip : r->start,
             end = which == NULL ? r->end : ((pt_ip_t *) o)->ip;
   if (check_ends(&start, &end) != 0) {
      return -1;
   }
   r->start = start;
   r->end = end;
   r->mask = common_prefix(start, end);
   return 0;
}

static PyObject *ip_range_get_mask(PyObject *self, void *unused)
{
   return PyLong_FromLong(((pt_ip_range_t *) self)->mask);
}

static int ip_range_set_mask(PyObject *self, PyObject *o, void *unused)
{
   pt_ip_range_t *r = (pt_ip_range_t *) self;
   if (o == NULL || !PyLong_Check(o)) {
      PyErr_SetString(PyExc_TypeError, "int expected.");
      return -1;
   }
   int overflow = 0;
   long mask = PyLong_AsLongAndOverflow(o, &overflow);
   if (overflow != 0 || mask < 0 || mask > bits_of(&r->start)) {
      PyErr_Format(PyExc_ValueError, "Netmask %S is out of range, expected 0 to %d.", o, bits_of(&r->start));
      return -1;
   }
   r->mask = (int) mask;
   return 0;
}

static PyMethodDef ip_range_methods[] = {
    {"isIn", ip_range_is_in, METH_O,
     PT_DOC("isIn($self, ip, /)", "-1: the address is below the range; 0: inside; 1: above.")},
    {"isOverlap", ip_range_overlap, METH_O,
     PT_DOC("isOverlap($self, other, /)",
            "Does the other range start in this one? For ranges sorted by their starts.")},
    {"from_ipaddress", ip_range_from_ipaddress, METH_O | METH_CLASS,
     PT_DOC("from_ipaddress($type, network, /)", "Makes one of an ipaddress.IPv4Network or IPv6Network.")},
    {"to_ipaddress", ip_range_to_ipaddress, METH_NOARGS,
     PT_DOC("to_ipaddress($self)",
            "The network (start, mask) as ipaddress.IPv4Network or IPv6Network; ValueError when start has "
            "host bits.")},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef ip_range_attributes[] = {{"start", ip_range_get, ip_range_set, "first address", NULL},
                                            {"end", ip_range_get, ip_range_set, "last address", (void *) 1},
                                            {"mask", ip_range_get_mask, ip_range_set_mask,
                                             "length of the prefix that the addresses have in common", NULL},
                                            {NULL, NULL, NULL, NULL, NULL}};

static PySequenceMethods ip_range_sequence = {.sq_contains = ip_range_contains};

PyTypeObject pt_ip_range_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pytrap.UnirecIPAddrRange",
    .tp_doc =
        PT_DOC("UnirecIPAddrRange(start, end=None)",
               "A range of IP addresses: a network, \"address/length\", or the first and the last address."),
    .tp_basicsize = sizeof(pt_ip_range_t),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = ip_range_init,
    .tp_methods = ip_range_methods,
    .tp_getset = ip_range_attributes,
    .tp_as_sequence = &ip_range_sequence,
    .tp_str = ip_range_str,
    .tp_repr = ip_range_repr,
    .tp_richcompare = ip_range_compare,
    .tp_hash = ip_range_hash,
};

/* ----------------------------------------------------------------------- MAC ranges */

static int mac_range_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *start, *end;
   static char *keywords[] = {"start", "end", NULL};
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!:UnirecMACAddrRange", keywords, &pt_mac_type, &start,
                                    &pt_mac_type, &end)) {
      return -1;
   }
   ((mac_range_t *) self)->start = ((pt_mac_t *) start)->mac;
   ((mac_range_t *) self)->end = ((pt_mac_t *) end)->mac;
   return 0;
}

static int mac_place(PyObject *self, PyObject *o)
{
   const mac_range_t *r = (mac_range_t *) self;
   if (!PT_IS_MAC(o)) {
      PyErr_SetString(PyExc_TypeError, "UnirecMACAddr object expected.");
      return -2;
   }
   const mac_addr_t *mac = &((pt_mac_t *) o)->mac;
   return mac_cmp(mac, &r->start) < 0 ? -1 : mac_cmp(mac, &r->end) > 0 ? 1 : 0;
}

static PyObject *mac_range_is_in(PyObject *self, PyObject *o)
{
   int place = mac_place(self, o);
   return place == -2 ? NULL : PyLong_FromLong(place);
}

static int mac_range_contains(PyObject *self, PyObject *o)
{
   int place = mac_place(self, o);
   return place == -2 ? -1 : place == 0;
}

static PyObject *mac_range_overlap(PyObject *self, PyObject *o)
{
   const mac_range_t *a = (mac_range_t *) self, *b = (mac_range_t *) o;
   if (!PyObject_TypeCheck(o, &pt_mac_range_type)) {
      PyErr_SetString(PyExc_TypeError, "UnirecMACAddrRange object expected.");
      return NULL;
   }
   return PyBool_FromLong(mac_cmp(&b->start, &a->start) >= 0 && mac_cmp(&b->start, &a->end) <= 0);
}

static PyObject *mac_range_text(PyObject *self, const char *format)
{
   char start[MAC_STR_LEN], end[MAC_STR_LEN];
   mac_to_str(&((mac_range_t *) self)->start, start);
   mac_to_str(&((mac_range_t *) self)->end, end);
   return PyUnicode_FromFormat(format, start, end);
}

static PyObject *mac_range_str(PyObject *self)
{
   return mac_range_text(self, "%s - %s");
}

static PyObject *mac_range_repr(PyObject *self)
{
   return mac_range_text(self, "UnirecMACAddrRange(UnirecMACAddr('%s'), UnirecMACAddr('%s'))");
}

static PyObject *mac_range_compare(PyObject *a, PyObject *b, int op)
{
   if (!PyObject_TypeCheck(a, &pt_mac_range_type) || !PyObject_TypeCheck(b, &pt_mac_range_type)) {
      Py_RETURN_NOTIMPLEMENTED;
   }
   const mac_range_t *x = (mac_range_t *) a, *y = (mac_range_t *) b;
   return compare_ranges(mac_cmp(&x->start, &y->start), mac_cmp(&x->end, &y->end), op);
}

static Py_hash_t mac_range_hash(PyObject *self)
{
   mac_addr_t ends[2] = {((mac_range_t *) self)->start, ((mac_range_t *) self)->end};
   return hash_words(ends, sizeof(ends));
}

static PyObject *mac_range_get(PyObject *self, void *which)
{
   mac_range_t *r = (mac_range_t *) self;
   return pt_mac_new(which == NULL ? &r->start : &r->end);
}

static int mac_range_set(PyObject *self, PyObject *o, void *which)
{
   mac_range_t *r = (mac_range_t *) self;
   if (o == NULL || !PT_IS_MAC(o)) {
      PyErr_SetString(PyExc_TypeError, "UnirecMACAddr object expected.");
      return -1;
   }
   *(which == NULL ? &r->start : &r->end) = ((pt_mac_t *) o)->mac;
   return 0;
}

static PyMethodDef mac_range_methods[] = {
    {"isIn", mac_range_is_in, METH_O,
     PT_DOC("isIn($self, mac, /)", "-1: the address is below the range; 0: inside; 1: above.")},
    {"isOverlap", mac_range_overlap, METH_O,
     PT_DOC("isOverlap($self, other, /)",
            "Does the other range start in this one? For ranges sorted by their starts.")},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef mac_range_attributes[] = {
    {"start", mac_range_get, mac_range_set, "first address", NULL},
    {"end", mac_range_get, mac_range_set, "last address", (void *) 1},
    {NULL, NULL, NULL, NULL, NULL}};

static PySequenceMethods mac_range_sequence = {.sq_contains = mac_range_contains};

PyTypeObject pt_mac_range_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pytrap.UnirecMACAddrRange",
    .tp_doc = PT_DOC("UnirecMACAddrRange(start, end)", "A range of MAC addresses: the first and the last."),
    .tp_basicsize = sizeof(mac_range_t),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = mac_range_init,
    .tp_methods = mac_range_methods,
    .tp_getset = mac_range_attributes,
    .tp_as_sequence = &mac_range_sequence,
    .tp_str = mac_range_str,
    .tp_repr = mac_range_repr,
    .tp_richcompare = mac_range_compare,
    .tp_hash = mac_range_hash,
};
