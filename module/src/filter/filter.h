/* SPDX-License-Identifier: BSD-3-Clause */
/** What the files of the filter share: the tree of an expression and the program made of it. */
#ifndef NM_FILTER_FILTER_H
#define NM_FILTER_FILTER_H

#include <endian.h>
#include <regex.h>
#include <nemea/filter.h>

/* ------------------------------------------------------------------ tokens */

enum token {
   TOKEN_END,
   TOKEN_NAME,     /* a field, or one of the names below */
   TOKEN_PORT,     /* port */
   TOKEN_HOST,     /* host */
   TOKEN_PROTOCOL, /* PROTOCOL */
   TOKEN_BOOL,
   TOKEN_COMPARE, /* < > <= >= IN */
   TOKEN_EQUAL,   /* == != */
   TOKEN_REGEX,   /* =~ */
   TOKEN_NOT,
   TOKEN_AND,
   TOKEN_OR,
   TOKEN_VALUE, /* number, time, address, network, string */
   TOKEN_LEFT,  /* ( */
   TOKEN_RIGHT, /* ) */
   TOKEN_OPEN,  /* [ */
   TOKEN_CLOSE, /* ] */
   TOKEN_COMMA,
   TOKEN_ERROR
};

enum operator{ OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN, OP_REGEX };

/** Kinds of values, as bits: a quoted text may be several at once, the type of the field decides. */
enum {
   IS_UINT = 1, /* not negative */
   IS_INT = 2,  /* negative */
   IS_FLOAT = 4,
   IS_TIME = 8,
   IS_IP = 16, /* address or network */
   IS_STRING = 32
};

struct value {
   unsigned kinds;
   uint64_t number; /* IS_UINT; IS_INT: two's complement */
   double real;     /* IS_FLOAT, and the numbers */
   ur_time_t time;
   ip_addr_t ip;     /* as written, host bits included */
   bool network;     /* with a mask, even /32 */
   uint8_t bits;     /* of the mask */
   const char *text; /* IS_STRING: in the filter's own copy of the expression */
   size_t length;
};

struct lexer {
   const char *text, *at;
   size_t start; /* of the last token */
   enum operator op;
   bool truth;
   struct value value;
   nm_filter_error_t *error;
   nm_filter_warn_fn warn;
   void *arg;
};

enum token lex(struct lexer *lexer);
/** Sets the error, once. */
void filter_error(struct lexer *lexer, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* -------------------------------------------------------------------- tree */

enum subject { SUBJECT_FIELD, SUBJECT_PORT, SUBJECT_HOST, SUBJECT_PROTOCOL };

struct term {
   enum subject subject;
   enum operator op;
   size_t offset;   /* in the expression */
   uint32_t number; /* of the term in the filter */
   char *field;
   struct value *values; /* one, or those of an array */
   size_t n_values;
   bool array;
   bool compiled; /* regex is there */
   regex_t regex;
};

enum node_kind { NODE_TRUE, NODE_FALSE, NODE_TERM, NODE_NOT, NODE_LIST };

/** A list is its nodes from left to right: nodes[i].follows_or is the operator between i and the node before it. */
struct node {
   enum node_kind kind;
   bool follows_or;
   bool brackets; /* written in brackets */
   struct term *term;
   struct node *nodes; /* NODE_LIST; NODE_NOT: one */
   size_t n_nodes;
};

struct nm_filter {
   char *text;
   struct node root;
   uint32_t n_terms;
};

/* ----------------------------------------------------------------- program */

enum { ACCEPT = -1, REJECT = -2 };

enum action {
   TEST_U8, /* bias is added before: the order of signed numbers */
   TEST_U16,
   TEST_U32,
   TEST_U64,
   TEST_I8,
   TEST_I16,
   TEST_I32,
   TEST_I64,
   TEST_FLOAT,
   TEST_DOUBLE,
   TEST_MAC,
   TEST_IP,     /* in a range of addresses */
   TEST_STRING, /* equal */
   TEST_REGEX,
   SET_8, /* a bit map; of signed numbers by their two's complement */
   SET_16,
   SET_U32, /* sorted numbers */
   SET_U64,
   SET_I32,
   SET_I64,
   SET_FLOAT,
   SET_DOUBLE,
   SET_IP
};

enum family { ANY_FAMILY, ONLY_4, ONLY_6 };

/** An address as a number. */
typedef unsigned __int128 ip128_t;

struct ip_range {
   ip128_t low, high;
};

/** One comparison, and where to go on after it. */
struct step {
   uint8_t action;
   uint8_t op;     /* of TEST_FLOAT, TEST_DOUBLE */
   uint8_t family; /* of TEST_IP: addresses of the other family give otherwise */
   bool otherwise;
   uint16_t offset;      /* of the field in the record */
   uint16_t static_size; /* of the record: where variable-length data begin */
   int32_t if_true, if_false;
   union {
      struct {
         uint64_t low, span; /* low <= value <= low + span */
      } range;
      double real;
      struct ip_range ip;
      struct {
         const char *text;
         size_t length;
      } string;
      const regex_t *regex;
      struct {
         union {
            uint64_t *numbers;
            double *reals;
            uint8_t *map;
            struct ip_range *ranges; /* IPv4, then IPv6; each sorted and disjoint */
         };
         uint32_t count, count4; /* count4: ranges of IPv4 */
      } set;
   };
};

struct nm_matcher {
   struct step *steps;
   uint32_t n_steps, room;
   int32_t entry;
   bool *never; /* by number of the term: false for every record */
};

/** Numbers of a step in the order of unsigned ones. */
#define SIGN_BIAS (UINT64_C(1) << 63)

/** Greatest difference of floating-point numbers that count as equal. */
#define REAL_TOLERANCE 1e-8

static inline ip128_t ip_number(const ip_addr_t *ip)
{
   uint64_t w[2];
   memcpy(w, ip, sizeof(w));
   return (ip128_t) be64toh(w[0]) << 64 | be64toh(w[1]);
}

/** First and last address of a network. */
static inline struct ip_range network_range(const ip_addr_t *ip, uint8_t bits)
{
   bool v4 = ip_is4(ip);
   unsigned host = (v4 ? 32u : 128u) - bits;
   ip128_t mask = host >= 128 ? ~(ip128_t) 0 : ((ip128_t) 1 << host) - 1;
   mask = v4 ? mask << 32 : mask; /* an IPv4 address is above 32 bits that are always set */
   return (struct ip_range){.low = ip_number(ip) & ~mask, .high = ip_number(ip) | mask};
}

/* bind.c */
/** Number of a protocol by name, case-insensitive; 0 if unknown, and *known (may be NULL) is then false. */
uint8_t filter_protocol_number(const char *name, bool *known);

/* match.c */
/** Does a record satisfy this step? */
bool step_test(const struct step *step, const void *rec);

/* sets.c */
/** Fills the set of a step with the values of an array that suit the type. \return false without memory; a step with
 * an empty set has count 0 and no memory */
bool set_fill(struct step *step, const struct term *term, ur_field_type_t type);
void set_free(struct step *step);

#endif
