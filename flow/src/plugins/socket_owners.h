/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Programs and users of the sockets of this host, from osqueryi (https://osquery.io). A thread asks it periodically; the
 * last complete answer is used. One table for the process; any thread may read it.
 */
#ifndef FLOW_PLUGINS_SOCKET_OWNERS_H
#define FLOW_PLUGINS_SOCKET_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOCKET_OWNERS_MAX    65536       /* sockets; more are left out */
#define SOCKET_OWNERS_ANSWER (32u << 20) /* bytes of an answer; a longer one does not count */
#define OWNER_TEXT           64
#define HOST_TEXT            64

struct socket_key {
   uint8_t local[16], remote[16]; /**< as UniRec's ip_addr_t */
   uint16_t local_port, remote_port;
   uint8_t protocol;
};

struct socket_owner {
   char program[OWNER_TEXT], user[OWNER_TEXT];
};

/** "UNDEFINED" and 0 where osqueryi did not say. */
struct host_facts {
   char os_name[HOST_TEXT], os_build[HOST_TEXT], os_platform[HOST_TEXT], os_platform_like[HOST_TEXT],
       os_arch[HOST_TEXT], kernel_version[HOST_TEXT], hostname[HOST_TEXT];
   uint16_t os_major, os_minor;
};

struct socket_owners;

/** Starts to ask every period_s seconds. All users of the process share the table. \return NULL if there is no osqueryi in PATH, or when
 * out of memory */
struct socket_owners *socket_owners_open(uint32_t period_s);
/** The last one to close it ends the thread. owners may be NULL. */
void socket_owners_close(struct socket_owners *owners);

/** key: of a flow; either end of it may be the local one. \return false: not known */
bool socket_owners_find(struct socket_owners *owners, const struct socket_key *key,
                        struct socket_owner *owner);
void socket_owners_host(struct socket_owners *owners, struct host_facts *host);
/** Waits until osqueryi has been asked everything once; for tests. */
void socket_owners_wait(struct socket_owners *owners);

/* The border, for tests: answers of osqueryi in JSON. */

struct owner_table {
   uint32_t n;
   uint64_t left_out; /**< rows without both ends of a socket, or beyond the capacity */
   struct owner_entry {
      struct socket_key key;
      struct socket_owner owner;
   } entries[]; /**< SOCKET_OWNERS_MAX, sorted by key */
};

/** \return the table, to free(); NULL if the text is not an array of objects, or when out of memory */
struct owner_table *owner_table_parse(const char *json, size_t size);
bool owner_table_find(const struct owner_table *t, const struct socket_key *key, struct socket_owner *owner);
/** \return false if the text is not an array of objects; host is then unchanged */
bool host_facts_parse(const char *json, size_t size, struct host_facts *host);

#endif
