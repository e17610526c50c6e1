/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin https: the server name alone, for users of this older plugin. */
#include "tls_flow.h"

#include "fields.h"

UR_FIELDS(string HTTPS_SNI)

static bool finish(void *ext, const struct flow *flow)
{
   (void) flow;
   return ((const struct tls *) ext)->sni.n > 0;
}

static void fill(const void *ext, unsigned index, const ur_template_t *tmplt, void *rec)
{
   const struct tls *t = ext;
   (void) index;
   plugin_set_var(tmplt, rec, F_HTTPS_SNI, kept_at(&t->kept, t->few, t->sni), t->sni.n);
}

const struct flow_plugin plugin_https = {
    .name = "https",
    .help = "TLS server name only, any port; see also tls",
    .fields = "string HTTPS_SNI",
    .stream = true,
    .ext_size = sizeof(struct tls),
    .clear_size = TLS_FLOW_CLEAR,
    .more_size = TLS_ALL,
    .shared_size = sizeof(struct tls_shared),
    .lazy = true,
    .begins = tls_begins,
    .begins_always = true,
    .create = tls_look_for_name,
    .update = tls_look_for_name,
    .finish = finish,
    .fill = fill,
};
