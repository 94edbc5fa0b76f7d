# SPDX-License-Identifier: LGPL-2.1-or-later
# What every translation unit of libsr is compiled with, and --enable-werror, --enable-sanitizers.

AC_DEFUN([SR_COMPILER_WARNINGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors (CI does)])],
    [], [enable_werror=no])
  SR_WARN="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wcast-align -Wformat=2 -Wundef"
  SR_CXXFLAGS="$SR_WARN -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual"
  SR_CFLAGS="$SR_WARN"
  AS_IF([test "x$enable_werror" = xyes], [
    SR_CXXFLAGS="$SR_CXXFLAGS -Werror"
    SR_CFLAGS="$SR_CFLAGS -Werror"])
  AC_SUBST([SR_CXXFLAGS])
  AC_SUBST([SR_CFLAGS])
])

AC_DEFUN([SR_SANITIZERS], [
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers@<:@=LIST@:>@],
      [build with these sanitizers (default LIST: address,undefined; thread is another)])],
    [], [enable_sanitizers=no])
  AS_IF([test "x$enable_sanitizers" = xyes], [enable_sanitizers=address,undefined])
  AS_IF([test "x$enable_sanitizers" != xno], [
    SR_SANITIZE="-fsanitize=$enable_sanitizers -fno-omit-frame-pointer -fno-sanitize-recover=undefined"
    SR_SANITIZE_CPP="-D_GLIBCXX_ASSERTIONS -DSR_SANITIZED"
    dnl With sanitizers, g++ 12 takes members of <regex> for uninitialised (GCC bug 105562); clang has no such option.
    AS_CASE([$CXX], [*clang*], [], [SR_SANITIZE="$SR_SANITIZE -Wno-maybe-uninitialized"])])
  dnl Sanitizers leave their own symbols to the program.
  AS_IF([test "x$enable_sanitizers" = xno], [SR_NO_UNDEFINED="-Wl,-z,defs"])
  AC_SUBST([SR_NO_UNDEFINED])
  AC_SUBST([SR_SANITIZE])
  AC_SUBST([SR_SANITIZE_CPP])
  AM_CONDITIONAL([SANITIZED], [test "x$enable_sanitizers" != xno])
])
