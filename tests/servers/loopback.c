/* Preloaded into servers that have no option for it: what they bind to all interfaces is bound to 127.0.0.1. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int bind(int fd, const struct sockaddr* address, socklen_t length) {
  static int (*real)(int, const struct sockaddr*, socklen_t);
  struct sockaddr_storage copy;
  if (!real)
    real = (int (*)(int, const struct sockaddr*, socklen_t))dlsym(RTLD_NEXT, "bind");
  if (!address || length > sizeof copy)
    return real(fd, address, length);
  memcpy(&copy, address, length);
  struct sockaddr_in* v4 = (struct sockaddr_in*)&copy;
  struct sockaddr_in6* v6 = (struct sockaddr_in6*)&copy;
  if (copy.ss_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY)) {
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  } else if (copy.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr)) {
    /* One that takes IPv4, too, is reached by clients of IPv4. */
    memset(&v6->sin6_addr, 0, sizeof v6->sin6_addr);
    v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;
    v6->sin6_addr.s6_addr[12] = 127;
    v6->sin6_addr.s6_addr[15] = 1;
  }
  return real(fd, (struct sockaddr*)&copy, length);
}
