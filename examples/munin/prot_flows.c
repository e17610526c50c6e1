/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * prot_flows: counts flows by protocol and tells the counts to whoever connects to its UNIX socket: a line of names, a line of
 * numbers, then it closes. munin_prot_flows makes graphs of them with Munin.
 */
#define _GNU_SOURCE /* accept4() */
#include <errno.h>
#include <inttypes.h>
#include <nemea/module.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fields.h"

NM_FIELDS(uint8 PROTOCOL)

#define DEFAULT_SOCKET "/var/run/nemea-supervisor/prot_flows.sock"

struct prot_flows {
   const char *path;
   int fd;
   pthread_t thread;
   _Atomic uint64_t icmp, tcp, udp, sctp, other;
};

static const nm_option_t options[] = {NM_STRING('s', "socket", struct prot_flows, path, DEFAULT_SOCKET,
                                                "UNIX socket on which the counts are told."),
                                      NM_END};

/* Answers all connections, even while no flows arrive. Ends when the socket is shut down. */
static void *answer(void *module_state)
{
   const struct prot_flows *self = module_state;
   int client;
   while ((client = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR ||
          errno == ECONNABORTED) {
      char text[160];
      int n =
          snprintf(text, sizeof(text),
                   "icmp,tcp,udp,sctp,other\n%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
                   self->icmp, self->tcp, self->udp, self->sctp, self->other);
      (void) !send(client, text, (size_t) n, MSG_NOSIGNAL | MSG_DONTWAIT);
      close(client);
   }
   return NULL;
}

static int init(nm_module_t *m)
{
   struct prot_flows *self = nm_self(m);
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   self->fd = -1;
   if (strlen(self->path) >= sizeof(sun.sun_path)) {
      return nm_fail(m, "option -s, --socket: \"%s\" has %zu bytes, expected at most %zu", self->path,
                     strlen(self->path), sizeof(sun.sun_path) - 1);
   }
   strcpy(sun.sun_path, self->path);
   unlink(self->path);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   if (fd < 0 || bind(fd, (struct sockaddr *) &sun, sizeof(sun)) != 0 || listen(fd, 8) != 0) {
      return nm_fail(m, "cannot listen on %s: %s", self->path, strerror(errno));
   }
   self->fd = fd;
   if (pthread_create(&self->thread, NULL, answer, self) != 0) {
      close(fd);
      self->fd = -1;
      return nm_fail(m, "cannot start a thread");
   }
   return NM_OK;
}

static int record(nm_module_t *m, const void *rec)
{
   struct prot_flows *self = nm_self(m);
   switch (nm_get(m, rec, F_PROTOCOL)) {
   case IPPROTO_ICMP: self->icmp++; break;
   case IPPROTO_TCP: self->tcp++; break;
   case IPPROTO_UDP: self->udp++; break;
   case IPPROTO_SCTP: self->sctp++; break;
   default: self->other++;
   }
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   const struct prot_flows *self = nm_self(m);
   if (self->fd >= 0) {
      shutdown(self->fd, SHUT_RDWR);
      pthread_join(self->thread, NULL);
      close(self->fd);
      unlink(self->path);
   }
}

NM_MODULE("prot_flows", "Counts flows by protocol, for Munin.", .input = "uint8 PROTOCOL", .options = options,
          .state_size = sizeof(struct prot_flows), .init = init, .record = record, .cleanup = cleanup)
