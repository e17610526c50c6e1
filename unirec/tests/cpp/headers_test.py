#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each header of unirec++ compiles alone, and arrays are used as programs for NEMEA 2 use them.

usage: headers_test.py SOURCE_ROOT CXX
"""
import subprocess
import sys

HEADERS = ('bidirectionalInterface', 'inputInterface', 'outputInterface', 'interfaceStats', 'ipAddress', 'macAddress', 'urTime',
           'trapModuleInfo', 'unirec', 'unirecArray', 'unirecException', 'unirecRecord', 'unirecRecordView', 'unirecTypeTraits',
           'unirecTypes')
ARRAYS = '''
#include <unirec++/unirecRecord.hpp>
uint32_t arrays(Nemea::UnirecRecord &record, ur_field_id_t id);
uint32_t arrays(Nemea::UnirecRecord &record, ur_field_id_t id)
{
   uint32_t sum = 0;
   for (auto &element : record.reserveUnirecArray<uint32_t>(3, id)) {
      element = sum++;
   }
   Nemea::UnirecArray<uint32_t> a = record.getFieldAsUnirecArray<uint32_t>(id);
   const Nemea::UnirecArray<uint32_t> &fixed = a;
   uint32_t *first = &a[0], &second = a.at(1);
   const uint32_t &third = fixed[2], &same = fixed.at(2);
   *a.begin() = 7;
   return *first + second + third + same;
}
'''


def main():
    root, cxx = sys.argv[1:3]
    includes = [f'-I{root}/{part}' for part in ('unirec/include', 'unirec/cpp/include', 'libtrap/include')]
    for text in [f'#include <unirec++/{header}.hpp>\n' for header in HEADERS] + [ARRAYS]:
        done = subprocess.run([*cxx.split(), '-std=c++17', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-x', 'c++', '-', *includes],
                              input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=100)
        if done.returncode != 0:
            sys.exit(f'{text}\n{done.stdout}')


if __name__ == '__main__':
    main()
