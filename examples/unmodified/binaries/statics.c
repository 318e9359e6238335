// What libc keeps in statics belongs to one process: two of these run on one host, by turns.
#include <assert.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// A signal that means something to a program: no fault sends it.
static void stop(int signal) { _exit(signal); }

int main(int count, char **arguments) {
    assert(count == 2);
    signal(SIGUSR1, stop);
    long number = atol(arguments[1]);
    char words[64], name[32];
    setenv("NUMBER", arguments[1], 1);
    snprintf(name, sizeof name, "ABC-%ld", number);
    setenv("TZ", name, 1);
    unsigned short state[3] = {number, 2, 3}, parameters[7] = {number, 2, 3, 4, 5, 6, 7};
    srand48(number);
    double first = drand48();
    seed48(state);
    double second = drand48();
    assert(second == erand48(state) && second != first);
    lcong48(parameters);
    double third = drand48();
    srand48(number);
    char table[64];
    srand(number);
    int other = rand();
    srand(number);
    char *before = initstate(number + 1, table, sizeof table);
    int random = rand();
    initstate(number + 1, table, sizeof table);
    time_t then = number * 1000;
    char expected[32];
    ctime_r(&then, expected);
    struct hostent *host = gethostbyname("machine"), again, *found;
    char room[512];
    int wrong;
    assert(host && host->h_length == 4 && !strcmp(host->h_name, "machine") && !host->h_addr_list[1]);
    assert(gethostbyname_r("localhost", &again, room, sizeof room, &found, &wrong) == 0 && found == &again);
    assert(*(unsigned *)again.h_addr_list[0] == htonl(INADDR_LOOPBACK) && !strcmp(host->h_name, "machine"));
    assert(gethostbyname_r("machine", &again, room, 8, &found, &wrong) == ERANGE && !gethostbyname("nowhere"));
    struct servent *service = getservbyname("https", "tcp");
    struct protoent *protocol = getprotobyname("udp");
    assert(service && service->s_port == htons(443) && !getservbyname("nothing", NULL) && protocol->p_proto == 17);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {htonl(0x0a000007)}};
    char text[16];
    assert(getnameinfo((void *)&at, sizeof at, room, sizeof room, text, sizeof text, 0) == 0);
    assert(!strcmp(room, "10.0.0.7") && !strcmp(text, "http"));
    assert(getnameinfo((void *)&at, sizeof at, room, 4, NULL, 0, NI_NUMERICHOST) == EAI_OVERFLOW);
    assert(getnameinfo((void *)&at, sizeof at, room, sizeof room, NULL, 0, NI_NAMEREQD) == EAI_NONAME);
    for (int round = 0; round < 50; round++) {
        snprintf(words, sizeof words, "%ld-0 %ld-1 %ld-2", number, number, number);
        struct tm *time = gmtime(&then);
        char *text = ctime(&then);
        struct tm local;
        assert(localtime_r(&then, &local)->tm_hour == (then / 3600 + number) % 24);
        assert(localtime(&then)->tm_hour == local.tm_hour);
        time = gmtime(&then);
        char *word = strtok(words, " ");
        errno = number;
        for (int at = 0; at < 3; at++) {
            snprintf(name, sizeof name, "%ld-%d", number, at);
            assert(word && !strcmp(word, name));
            int before = errno;
            usleep(1000); // The other one runs.
            assert(before == number && errno == number);
            word = strtok(NULL, " ");
        }
        assert(!word && !strcmp(text, expected));
        assert(time->tm_min == then / 60 % 60);
        assert(!strcmp(getenv("NUMBER"), arguments[1]));
    }
    assert(drand48() == first && rand() == random);
    assert(setstate(before) == table && rand() == other);
    lcong48(parameters);
    assert(drand48() == third);
    printf("%ld is done\n", number);
    return 0;
}
