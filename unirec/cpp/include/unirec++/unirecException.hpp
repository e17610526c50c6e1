// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/unirecException.hpp
 * Exceptions of receive() and init() other than std::runtime_error.
 */
#ifndef UNIRECPP_EXCEPTION_HPP
#define UNIRECPP_EXCEPTION_HPP

#include <exception>

namespace Nemea {

/** The sender has ended its stream. */
class EoFException : public std::exception {
public:
   /** For people. */
   const char *what() const noexcept override { return "end of the stream"; }
};

/** The format of an input changed: call changeTemplate(), then receive() the record again. */
class FormatChangeException : public std::exception {
public:
   /** For people. */
   const char *what() const noexcept override { return "the format of the input has changed"; }
};

/** The user asked for the help, which has been printed. */
class HelpException : public std::exception {
public:
   /** For people. */
   const char *what() const noexcept override { return "help was asked for"; }
};

} // namespace Nemea

#endif
