/* SPDX-License-Identifier: BSD-3-Clause */
/** The pipeline: as indented text, and in the languages of Graphviz and Mermaid. */
#include "print.h"

#include <nemea-common/nc_text.h>
#include <string.h>

static const char *end_of(const json_t *edge, const char *key)
{
   return print_text_of(json_object_get(edge, key), "module");
}

static void label(const json_t *edge, char *to, size_t size)
{
   char rate[16], dropped[16], fill[32] = "";
   const json_t *queue = json_object_get(edge, "queue_fill");
   print_short(rate, json_number_value(json_object_get(edge, "rate")));
   print_short(dropped, json_number_value(json_object_get(edge, "drop_rate")));
   if (json_is_number(queue)) {
      (void) snprintf(fill, sizeof(fill), ", queue %.0f%%", json_number_value(queue) * 100);
   }
   if (json_object_get(edge, "rate") == NULL) {
      (void) snprintf(to, size, "no numbers yet");
   } else {
      (void) snprintf(to, size, "%s/s, %s/s dropped%s", rate, dropped, fill);
   }
}

static void text_edge(const json_t *edge)
{
   char numbers[128];
   const char *from = end_of(edge, "from"), *to = end_of(edge, "to"), *remote = print_text_of(edge, "remote");
   label(edge, numbers, sizeof(numbers));
   print_padded(stdout, from != NULL ? from : remote != NULL ? remote : "(nobody sends)", 28);
   fputs("-> ", stdout);
   print_padded(stdout, to != NULL ? to : "(nobody reads)", 28);
   print_padded(stdout, print_text_of(edge, "name"), 24);
   puts(numbers);
}

/* Within quotes of both languages. */
static void quoted(const char *text)
{
   char plain[512];
   nc_text_terminal(plain, sizeof(plain), text != NULL ? text : "", strlen(text != NULL ? text : ""));
   for (const char *p = plain; *p != 0; p++) {
      putchar(*p == '"' || *p == '\\' || *p == '|' ? '\'' : *p);
   }
}

static void node_name(const json_t *edge, const char *key, size_t i)
{
   const char *name = end_of(edge, key);
   putchar('"');
   if (name != NULL) {
      quoted(name);
   } else {
      printf("%s %zu", strcmp(key, "from") == 0 ? "no sender" : "no reader", i);
   }
   putchar('"');
}

static void dot(const json_t *result)
{
   size_t i;
   json_t *o;
   puts("digraph nemea {\n  rankdir=LR; node [shape=box];");
   json_array_foreach(json_object_get(result, "modules"), i, o)
   {
      fputs("  \"", stdout);
      quoted(print_text_of(o, "name"));
      fputs("\" [tooltip=\"", stdout);
      quoted(print_text_of(o, "state"));
      puts("\"];");
   }
   json_array_foreach(json_object_get(result, "edges"), i, o)
   {
      char numbers[128];
      label(o, numbers, sizeof(numbers));
      fputs("  ", stdout);
      node_name(o, "from", i);
      fputs(" -> ", stdout);
      node_name(o, "to", i);
      fputs(" [label=\"", stdout);
      quoted(print_text_of(o, "name"));
      printf("\\n%s\"%s];\n", numbers,
             end_of(o, "from") == NULL || end_of(o, "to") == NULL ? ", style=dashed, color=red" : "");
   }
   puts("}");
}

static long index_of(const json_t *modules, const char *name)
{
   size_t i;
   json_t *o;
   json_array_foreach(modules, i, o)
   {
      if (name != NULL && strcmp(print_text_of(o, "name"), name) == 0) {
         return (long) i;
      }
   }
   return -1;
}

static void mermaid_end(const json_t *modules, const json_t *edge, const char *key, size_t i)
{
   long k = index_of(modules, end_of(edge, key));
   if (k >= 0) {
      printf("m%ld", k);
   } else {
      printf("x%zu((%s))", i, strcmp(key, "from") == 0 ? "no sender" : "no reader");
   }
}

static void mermaid(const json_t *result)
{
   size_t i;
   json_t *o, *modules = json_object_get(result, "modules");
   puts("flowchart LR");
   json_array_foreach(modules, i, o)
   {
      printf("  m%zu[\"", i);
      quoted(print_text_of(o, "name"));
      puts("\"]");
   }
   json_array_foreach(json_object_get(result, "edges"), i, o)
   {
      char numbers[128];
      label(o, numbers, sizeof(numbers));
      fputs("  ", stdout);
      mermaid_end(modules, o, "from", i);
      fputs(" -->|\"", stdout);
      quoted(print_text_of(o, "name"));
      printf(" %s\"| ", numbers);
      mermaid_end(modules, o, "to", i);
      putchar('\n');
   }
}

void print_graph(const json_t *result, const char *format)
{
   size_t i;
   json_t *o;
   if (strcmp(format, "dot") == 0) {
      dot(result);
   } else if (strcmp(format, "mermaid") == 0) {
      mermaid(result);
   } else {
      json_array_foreach(json_object_get(result, "edges"), i, o)
      {
         text_edge(o);
      }
   }
}
