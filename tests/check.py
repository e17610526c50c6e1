#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Builds the tree in all supported ways and runs all tests; the last line is a summary.

usage: check.py [STAGE...]        stages: format gcc analysis clang asan tsan fuzz; all of them without arguments
       check.py --apply-format    lay out all C files instead of checking them

Each stage has a build directory of its own under build-check/, kept for the next run. Exit status 1 when
anything failed. Environment: NEMEA_FUZZ_SECONDS, time for each fuzz target (default 4); NEMEA_FUZZ_SEED, first
value of its random numbers (default 1, so that a check of the same tree tries the same inputs; 0: another each time).
"""

import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.path.join(ROOT, 'build-check')
JOBS = os.cpu_count() or 1
TESTS_AT_ONCE = JOBS + 1  # many tests of processes wait more than they compute
CLANG_FORMAT_VERSION = 14  # versions differ in details of the layout


class Results:
    """Counts of passed, failed and skipped tests of all stages."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def ok(self, count=1):
        self.passed += count

    def fail(self, name, details=''):
        self.failed.append(name)
        print(f'   FAILED {name}', flush=True)
        for line in details.rstrip().splitlines()[-60:]:
            print('      ' + line)

    def skip(self, name, reason):
        self.skipped.append((name, reason))

    def summary(self):
        print()
        for name, reason in self.skipped:
            print(f'skipped {name}: {reason}')
        for name in self.failed:
            print(f'failed {name}')
        line = f'{self.passed} passed, {len(self.failed)} failed'
        if self.skipped:
            line += f', {len(self.skipped)} skipped'
        print(line, flush=True)
        return 1 if self.failed else 0


def run(command, folder=ROOT, **options):
    """Runs a command to its end; returns (exit status, output)."""
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors='replace', check=False, **options)
    return done.returncode, done.stdout


# ---------------------------------------------------------------- layout


def c_files():
    """All C sources and headers of the tree: those tracked by git, or all files if there is no git."""
    status, out = run(['git', 'ls-files', '--cached', '--others', '--exclude-standard', '*.c', '*.h'])
    if status == 0:
        return sorted(name for name in out.split() if os.path.exists(os.path.join(ROOT, name)))
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if not f.startswith(('build', '.'))]
        found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names if n.endswith(('.c', '.h'))]
    return sorted(found)


def clang_format():
    """The clang-format program of the required version, or None."""
    for name in (f'clang-format-{CLANG_FORMAT_VERSION}', 'clang-format'):
        path = shutil.which(name)
        if path and f'version {CLANG_FORMAT_VERSION}.' in run([path, '--version'])[1]:
            return path
    return None


def stage_format(results):
    program = clang_format()
    if not program:
        results.skip('layout of C files', f'clang-format {CLANG_FORMAT_VERSION} is not installed')
        return
    names = c_files()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, (status, out) in zip(names, pool.map(lambda name: run([program, '--dry-run', '-Werror', name]), names)):
            if status == 0:
                results.ok()
            else:
                results.fail(f'format: {name} (mend it with ./bootstrap.sh format)', out)


def apply_format():
    program = clang_format()
    if not program:
        print(f'check.py: clang-format {CLANG_FORMAT_VERSION} is not installed', file=sys.stderr)
        return 1
    return run([program, '-i'] + c_files())[0]


# ---------------------------------------------------------------- builds and tests


def compiler_env(compiler):
    return dict(os.environ, CC=compiler)


def build(results, stage, compiler, options, everything=True):
    """Configures build-check/STAGE, and builds everything in it; returns its path, or None on failure."""
    directory = os.path.join(WORK, stage)
    # Set explicitly, since directories of older trees keep their old defaults.
    command = ['meson', 'setup', directory, '-Dwerror=true', '-Dpkgconfig.relocatable=true'] + options
    if os.path.exists(os.path.join(directory, 'meson-private', 'coredata.dat')):  # missing after a first configuration that failed
        command.insert(2, '--reconfigure')
    status, out = run(command, env=compiler_env(compiler))
    if status == 0 and everything:
        status, out = run(['ninja', '-C', directory])
    if status != 0:
        results.fail(f'{stage}: build with {compiler}', out)
        return None
    results.ok()
    return directory


def no_randomisation():
    """A prefix for commands under sanitizers: their shadow memory collides with highly random mappings."""
    command = ['setarch', os.uname().machine, '-R']
    if shutil.which('setarch') and run(command + ['true'])[0] == 0:
        return command
    return []


def skip_reason(entry):
    """The reason why a test was skipped: the last line of its output."""
    lines = ((entry.get('stdout') or '') + '\n' + (entry.get('stderr') or '')).strip().splitlines()
    return lines[-1].strip() if lines else 'no reason given'


def meson_test(results, stage, directory, arguments, prefix=(), environment=None, built=True):
    """Runs meson's tests and records the result of each. No log means that the suite has no test. Without `built`, builds what they need."""
    log = os.path.join(directory, 'meson-logs', 'testlog.json')
    if os.path.exists(log):
        os.remove(log)
    command = list(prefix) + ['meson', 'test', '-C', directory, '--num-processes', str(TESTS_AT_ONCE)] + ['--no-rebuild'] * built
    status, out = run(command + arguments, env=dict(os.environ, **(environment or {})))
    if not os.path.exists(log):
        if status != 0:
            results.fail(f'{stage}: meson test', out)
        return
    failed = False
    with open(log, encoding='utf-8', errors='replace') as lines:
        for line in lines:
            entry = json.loads(line)
            name = f'{stage}: {entry["name"]}'
            if entry['result'] in ('OK', 'EXPECTEDFAIL'):
                results.ok()
            elif entry['result'] == 'SKIP':
                results.skip(name, skip_reason(entry))
            else:
                failed = True
                results.fail(f'{name} ({entry["result"].lower()}, exit status {entry["returncode"]})',
                             (entry.get('stdout') or '') + (entry.get('stderr') or ''))
    if status != 0 and not failed:
        results.fail(f'{stage}: meson test', out)


def build_gcc(results):
    return build(results, 'gcc', 'gcc', ['--buildtype=debugoptimized', '-Dbench=true'])


def stage_gcc(results):
    directory = build_gcc(results)
    if directory:
        meson_test(results, 'gcc', directory, ['-t', '3'])


def stage_clang(results):
    # The programs of clang run all tests in the stage asan. A prefix of its own: the stage gcc has the default
    # one, and the test of installations treats them differently.
    prefix = os.path.join(WORK, 'installed')
    directory = build(results, 'clang', 'clang', ['--buildtype=release', f'--prefix={prefix}', '--libdir=lib'])
    if directory:
        meson_test(results, 'clang', directory, ['-t', '3', '--suite', 'quick'])
        meson_test(results, 'clang', directory, ['-t', '3', 'install'])


UBSAN = {'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1'}  # undefined behaviour ends a program, as an invalid access does


def build_asan(results):
    """The build with sanitizers and fuzz targets; the stages asan and fuzz share it."""
    return build(results, 'asan', 'clang', [
        '--buildtype=debugoptimized', '-Db_sanitize=address,undefined', '-Db_lundef=false', '-Dfuzz=true',
        '-Dc_args=-fsanitize=fuzzer-no-link'])


def stage_asan(results):
    directory = build_asan(results)
    if directory:
        meson_test(results, 'asan', directory, ['-t', '6'], no_randomisation(), UBSAN)


def stage_tsan(results):
    directory = build(results, 'tsan', 'clang',
                      ['--buildtype=debugoptimized', '-Db_sanitize=thread', '-Db_lundef=false'], everything=False)
    if directory:
        meson_test(results, 'tsan', directory, ['-t', '10', '--suite', 'threads'], no_randomisation(),
                   {'TSAN_OPTIONS': 'halt_on_error=1:second_deadlock_stack=1'}, built=False)


# ---------------------------------------------------------------- static analysis

# The analyser of gcc takes what is stored in a structure for lost, and arrays whose index it does not know for uninitialised; the stage
# asan and valgrind see real ones.
ANALYZER = ['-fanalyzer', '-Wno-analyzer-malloc-leak', '-Wno-analyzer-use-of-uninitialized-value',
            '-fdiagnostics-plain-output', '-Werror']


def analysed(directory):
    """The commands that compile the installed programs and libraries, one per source."""
    with open(os.path.join(directory, 'compile_commands.json'), encoding='utf-8') as file:
        commands = json.load(file)
    found = {}
    for entry in commands:
        path = os.path.normpath(os.path.join(entry['directory'], entry['file']))
        name = os.path.relpath(path, ROOT)
        if name.endswith('.c') and not re.match(r'build|bench/|fuzz/|examples/|(.*/)?(tests|fuzz)/', name):
            found[name] = entry
    return sorted(found.items())


def analyse_with_gcc(name, entry):
    """gcc -fanalyzer with the options that the source is compiled with; returns (name, exit status, output)."""
    command = [word for word in shlex.split(entry['command']) if word != 'ccache' and word != '-MD']
    for option in ('-MQ', '-MF', '-o'):
        if option in command:
            del command[command.index(option):command.index(option) + 2]
    return f'gcc -fanalyzer {name}', *run(command + ['-o', '/dev/null'] + ANALYZER, folder=entry['directory'])


def analyse_with_clang(directory, name):
    return f'clang-tidy {name}', *run(['clang-tidy', '-p', directory, '--quiet', name])


def stage_analysis(results):
    directory = build_gcc(results)
    if not directory:
        return
    sources = analysed(directory)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        jobs = [pool.submit(analyse_with_gcc, name, entry) for name, entry in sources
                if name.startswith(('libtrap/src/', 'unirec/src/'))]
        if shutil.which('clang-tidy'):
            jobs += [pool.submit(analyse_with_clang, directory, name) for name, _ in sources]
        else:
            results.skip('clang-tidy', 'it is not installed')
        for name, status, out in (job.result() for job in jobs):
            if status == 0:
                results.ok()
            else:
                results.fail(name, out)


# ---------------------------------------------------------------- fuzzing


def fuzz_one(directory, name, seconds, seed):
    """A short run of one fuzz target from its committed corpus; returns (exit status, output)."""
    with tempfile.TemporaryDirectory(prefix='nemea-fuzz-') as fresh:
        corpus = os.path.join(ROOT, 'fuzz', 'corpus', name)
        command = no_randomisation() + [
            os.path.join(directory, 'fuzz', name), f'-max_total_time={seconds}', f'-seed={seed}', '-timeout=10',
            '-rss_limit_mb=2048',
            '-print_final_stats=1', f'-artifact_prefix={directory}/{name}-', fresh]
        if os.path.isdir(corpus):
            command.append(corpus)
        return run(command, env=dict(os.environ, **UBSAN))


def stage_fuzz(results):
    directory = build_asan(results)
    if not directory:
        return
    with open(os.path.join(directory, 'fuzz', 'targets.txt'), encoding='utf-8') as lines:
        names = lines.read().split()
    seconds = int(os.environ.get('NEMEA_FUZZ_SECONDS', '4'))
    seed = int(os.environ.get('NEMEA_FUZZ_SEED', '1'))
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, (status, out) in zip(names, pool.map(lambda n: fuzz_one(directory, n, seconds, seed), names)):
            if status == 0:
                results.ok()
            else:
                results.fail(f'fuzz: {name} (input kept as {directory}/{name}-*)', out)


STAGES = {
    'format': (stage_format, 'layout of C files'),
    'gcc': (stage_gcc, 'gcc, all tests'),
    'analysis': (stage_analysis, 'clang-tidy on all sources, gcc -fanalyzer on libtrap and unirec'),
    'clang': (stage_clang, 'clang, optimised, quick tests and installation'),
    'asan': (stage_asan, 'clang with address and undefined behaviour sanitizers, all tests'),
    'tsan': (stage_tsan, 'clang with thread sanitizer, tests with threads'),
    'fuzz': (stage_fuzz, 'clang with libFuzzer, a short run of each target'),
}


def main(arguments):
    if arguments == ['--apply-format']:
        return apply_format()
    unknown = [a for a in arguments if a not in STAGES]
    if unknown:
        print(f'check.py: unknown stage \'{unknown[0]}\' (expected {", ".join(STAGES)})', file=sys.stderr)
        return 2
    results = Results()
    for stage in arguments or STAGES:
        function, title = STAGES[stage]
        print(f'{stage}: {title}', flush=True)
        begin, before = time.monotonic(), (results.passed, len(results.failed), len(results.skipped))
        function(results)
        print(f'   {results.passed - before[0]} passed, {len(results.failed) - before[1]} failed, '
              f'{len(results.skipped) - before[2]} skipped, {time.monotonic() - begin:.0f} s', flush=True)
    return results.summary()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
