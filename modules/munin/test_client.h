/* SPDX-License-Identifier: BSD-3-Clause */
/** What unit tests of proto_traffic and link_traffic share: a client of the socket. */
#ifndef NEMEA_MUNIN_TEST_CLIENT_H
#define NEMEA_MUNIN_TEST_CLIENT_H

#include <nemea/module_cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>

static inline int test_connect(const char *path)
{
   struct sockaddr_un address = {.sun_family = AF_UNIX};
   strcpy(address.sun_path, path);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   assert_true(fd >= 0);
   assert_int_equal(connect(fd, (const struct sockaddr *) &address, sizeof(address)), 0);
   return fd;
}

/** All that a client gets, valid until the next call. */
static inline const char *test_answer(const char *path)
{
   static char text[1 << 20];
   size_t size = 0;
   ssize_t n;
   int fd = test_connect(path);
   while ((n = recv(fd, text + size, sizeof(text) - 1 - size, 0)) > 0) {
      size += (size_t) n;
   }
   close(fd);
   text[size] = 0;
   return text;
}

#endif
