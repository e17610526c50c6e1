/* SPDX-License-Identifier: BSD-3-Clause */
/** The pipeline as a graph: modules, and edges from outputs to the inputs that read the same socket or port of this machine. */
#include "daemon.h"

#include <stdlib.h>
#include <string.h>

#define ENDS  16384 /* outputs or inputs that are looked at */
#define EDGES 16384

/* An interface, and what its module says of it. */
struct end {
   const struct module *m;
   const struct config_interface *ifc;
   uint32_t index;                /* among the inputs, or the outputs, of its module */
   const struct ifc_stats *stats; /* NULL: nothing yet */
};

struct ends {
   struct end *list;
   size_t n;
   bool cut;
};

static int compare(const void *a, const void *b)
{
   const struct config_interface *x = ((const struct end *) a)->ifc, *y = ((const struct end *) b)->ifc;
   const char *p, *q;
   size_t n = config_end(x, &p), m = config_end(y, &q);
   bool local_x = x->type == TYPE_UNIX, local_y = y->type == TYPE_UNIX;
   if (local_x != local_y) {
      return local_x ? -1 : 1;
   }
   int order = memcmp(p, q, n < m ? n : m);
   return order != 0 ? order : (n > m) - (n < m);
}

static const struct ifc_stats *stats_of(const struct module *m, bool out, uint32_t index)
{
   uint32_t k = 0;
   for (uint32_t i = 0; i < m->n_ifcs; i++) {
      if (m->ifcs[i].out == out && k++ == index) {
         return &m->ifcs[i];
      }
   }
   return NULL;
}

static json_t *interface_json(const struct end *e)
{
   const char *name;
   size_t n = config_end(e->ifc, &name);
   bool named = config_meets(e->ifc);
   const char *type = config_type_name(e->ifc->type);
   json_t *o = json_pack("{s:I,s:s,s:o}", "index", (json_int_t) e->index, "type", type != NULL ? type : "",
                         "name", named ? json_text(name, n) : json_null());
   json_object_set_new(o, "params", json_string(e->ifc->params != NULL ? e->ifc->params : ""));
   if (e->stats != NULL) {
      status_add_interface(o, e->stats);
   }
   return o;
}

static void add_end(struct ends *to, const struct end *e)
{
   if (config_meets(e->ifc) && to->n < ENDS) {
      to->list[to->n++] = *e;
   } else if (config_meets(e->ifc)) {
      to->cut = true;
   }
}

static json_t *node(const struct daemon *d, const struct module *m, struct ends *inputs, struct ends *outputs)
{
   json_t *o = status_of(d, m), *lists[2] = {json_array(), json_array()};
   uint32_t n[2] = {0, 0};
   for (uint32_t i = 0; m->config != NULL && i < m->config->n_interfaces; i++) {
      const struct config_interface *ifc = &m->config->interfaces[i];
      bool out = ifc->direction == DIRECTION_OUT;
      if (ifc->direction == DIRECTION_NONE || ifc->type == TYPE_NONE) {
         continue; /* not in its command line either */
      }
      struct end e = {.m = m, .ifc = ifc, .index = n[out], .stats = stats_of(m, out, n[out])};
      n[out]++;
      json_array_append_new(lists[out], interface_json(&e));
      add_end(out ? outputs : inputs, &e);
   }
   json_object_set_new(o, "inputs", lists[0]);
   json_object_set_new(o, "outputs", lists[1]);
   return o;
}

static json_t *end_json(const struct end *e, const char *key)
{
   return e != NULL ? json_pack("{s:s,s:I}", "module", e->m->name, key, (json_int_t) e->index) : json_null();
}

/* What the sender knows of this reader: of a UNIX socket by its process, of a port if it is the only one. */
static const struct ifc_client *client_of(const struct end *from, const struct end *to)
{
   const struct ifc_stats *s = from->stats;
   for (uint32_t i = 0; s != NULL && to->m->pid > 0 && i < s->n_clients; i++) {
      if (from->ifc->type == TYPE_UNIX ? s->clients[i].id == (uint64_t) to->m->pid : s->n_clients == 1) {
         return &s->clients[i];
      }
   }
   return NULL;
}

/* from, to: NULL when nobody is at that end. */
static json_t *edge(const struct end *from, const struct end *to)
{
   const struct end *e = to != NULL ? to : from;
   const char *name;
   size_t n = config_end(e->ifc, &name);
   json_t *o = json_pack("{s:o,s:o,s:s,s:o}", "from", end_json(from, "output"), "to", end_json(to, "input"),
                         "type", config_type_name(e->ifc->type), "name", json_text(name, n));
   if (from == NULL && !config_is_local(to->ifc)) {
      json_object_set_new(o, "remote", json_string(to->ifc->params != NULL ? to->ifc->params : ""));
   }
   const struct ifc_stats *s = e->stats;
   if (s != NULL) {
      json_object_set_new(o, "messages", json_integer((json_int_t) s->messages));
      json_object_set_new(o, "rate", json_real(s->rate));
      json_object_set_new(o, "dropped", json_integer((json_int_t) s->dropped));
      json_object_set_new(o, "drop_rate", json_real(s->drop_rate));
      json_object_set_new(o, "connected", json_boolean(from != NULL && to != NULL && s->peers != 0));
   }
   const struct ifc_client *c = from != NULL && to != NULL ? client_of(from, to) : NULL;
   if (c != NULL) {
      uint64_t size = from->stats->queue;
      json_object_set_new(o, "queued_bytes", json_integer((json_int_t) c->queued));
      json_object_set_new(o, "queue_bytes", json_integer((json_int_t) size));
      json_object_set_new(o, "queue_fill",
                          size > 0 ? json_real((double) c->queued / (double) size) : json_null());
   }
   return o;
}

static void add_edges(json_t *list, struct ends *inputs, struct ends *outputs)
{
   bool *read = calloc(outputs->n + 1, sizeof(*read));
   for (size_t i = 0; read != NULL && i < inputs->n; i++) {
      const struct end *in = &inputs->list[i];
      const struct end *found = config_is_local(in->ifc) && outputs->n > 0
                                    ? bsearch(in, outputs->list, outputs->n, sizeof(*in), compare)
                                    : NULL;
      size_t k = found != NULL ? (size_t) (found - outputs->list) : outputs->n;
      while (found != NULL && k > 0 && compare(in, &outputs->list[k - 1]) == 0) {
         k--;
      }
      if (found == NULL && json_array_size(list) < EDGES) {
         json_array_append_new(list, edge(NULL, in));
      }
      for (; k < outputs->n && compare(in, &outputs->list[k]) == 0 && json_array_size(list) < EDGES; k++) {
         read[k] = true;
         json_array_append_new(list, edge(&outputs->list[k], in));
      }
   }
   for (size_t k = 0; read != NULL && k < outputs->n && json_array_size(list) < EDGES; k++) {
      if (!read[k]) {
         json_array_append_new(list, edge(&outputs->list[k], NULL));
      }
   }
   free(read);
}

json_t *graph_make(const struct daemon *d)
{
   struct ends inputs = {.list = calloc(ENDS, sizeof(struct end))},
               outputs = {.list = calloc(ENDS, sizeof(struct end))};
   json_t *nodes = json_array(), *edges = json_array();
   if (inputs.list != NULL && outputs.list != NULL) {
      for (uint32_t i = 0; i < d->n_modules; i++) {
         json_array_append_new(nodes, node(d, d->modules[i], &inputs, &outputs));
      }
      qsort(outputs.list, outputs.n, sizeof(struct end), compare);
      add_edges(edges, &inputs, &outputs);
   }
   bool cut = inputs.cut || outputs.cut || json_array_size(edges) >= EDGES;
   free(inputs.list);
   free(outputs.list);
   return json_pack("{s:o,s:o,s:b}", "modules", nodes, "edges", edges, "truncated", cut);
}
