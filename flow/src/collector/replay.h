/* SPDX-License-Identifier: BSD-3-Clause */
/** Export messages from files: captures of export packets (as flow_meter reads captures), and IPFIX files (RFC 5655). */
#ifndef FLOW_COLLECTOR_REPLAY_H
#define FLOW_COLLECTOR_REPLAY_H

#include "decode.h"

enum fc_replay_state {
   FC_REPLAY_MORE,
   FC_REPLAY_END,
   FC_REPLAY_DAMAGED, /**< see error; what came before is good, and reading again goes on with the next file */
   FC_REPLAY_FAILED   /**< see error */
};

struct fc_replay;

/** Opens a file. port: of the collector, of captures; 0: all datagrams that look like export messages. \return NULL with a message in error */
struct fc_replay *fc_replay_open(const char *path, uint16_t port, uint32_t session, char error[FC_ERROR]);
/** Gives some messages to a decoder. */
enum fc_replay_state fc_replay_step(struct fc_replay *r, struct fc_decoder *d, char error[FC_ERROR]);
void fc_replay_close(struct fc_replay *r);

#endif
