/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Names of UNIX sockets in the file system: their directories, how a name is taken and released, and whose sockets a
 * client may talk to. Knows nothing of contexts; trap_stats uses it too.
 *
 * TRAP_SOCKET_DIR is the only directory where it is set. Otherwise senders bind in the first of $RUNTIME_DIRECTORY, /run/nemea and
 * (without root) $XDG_RUNTIME_DIR that is theirs to write and nobody else's, and leave a symbolic link in the old default directory,
 * where programs of NEMEA 2 look. Clients look in all of these, the old directory last. There anybody can put a socket, so that
 * only those of the client's own user and of root are accepted.
 */
#ifndef TRAP_SOCKET_PATH_H
#define TRAP_SOCKET_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SOCKET_PATH_SIZE    sizeof(((struct sockaddr_un *) 0)->sun_path)
#define SOCKET_DIRS         4
#define SOCKET_REASON_SIZE  512
#define SOCKET_DEFAULT_MODE 0660
#define SOCKET_RUN_DIR      "/run/nemea"

struct socket_dirs {
   char *dir[SOCKET_DIRS]; /* in the order in which clients look */
   uint32_t n;
   uint32_t bind;   /* senders bind in this one */
   bool has_shared; /* the last one is the old default directory */
   mode_t mode;     /* of sockets, unless the interface sets one */
};

/** A name that this process listens on. */
struct socket_name {
   char path[SOCKET_PATH_SIZE]; /* "": none */
   char link[SOCKET_PATH_SIZE]; /* in the old default directory; "": none */
   dev_t dev;
   ino_t ino;
};

/** Reads the environment (TRAP_SOCKET_DIR, TRAP_SOCKET_MODE, ...), but for programs that run with borrowed rights.
 *  \param shared the old default directory  \return 0, -ENOMEM or -EINVAL with a reason */
int socket_dirs_init(struct socket_dirs *d, const char *shared, char why[SOCKET_REASON_SIZE]);
void socket_dirs_free(struct socket_dirs *d);
/** "DIR/trap-NAME.sock" in directory i. \return its length; the path is cut if that is not below SOCKET_PATH_SIZE */
size_t socket_path(const struct socket_dirs *d, uint32_t i, const char *name, char path[SOCKET_PATH_SIZE]);

/** Takes a name. A socket that answers or belongs to another user, and a file that is not a socket, are left alone.
 *  \param group NULL: that of the process  \return a listening descriptor or -errno with a reason */
int socket_listen(const struct socket_dirs *d, const char *name, mode_t mode, const char *group, int backlog,
                  struct socket_name *taken, char why[SOCKET_REASON_SIZE]);
/** Removes the name if it still is the one that was taken. To be called before the socket is closed. */
void socket_release(struct socket_name *taken);

/** Connects without blocking to a socket whose owner is the own user, root or, in a directory that not everybody can write,
 *  in the directory's group; to anybody's if sockets are for everybody (TRAP_SOCKET_MODE).
 *  \return a connected descriptor (close-on-exec, non-blocking) or -errno with a reason */
int socket_connect(const struct socket_dirs *d, const char *name, char why[SOCKET_REASON_SIZE]);
/** The same for a path that was given as such, whose owner is the user's own business. */
int socket_connect_path(const char *path);

#endif
