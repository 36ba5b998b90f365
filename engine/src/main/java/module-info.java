/** Firn, an embedded log-structured key-value store that keeps its data outside the heap. */
module io.firn {
    requires transitive io.firn.ffm;
    requires static transitive org.jspecify;
    requires static info.picocli;
    requires static java.logging;
    requires static jdk.jfr;
    requires org.agrona;

    exports io.firn;
    exports io.firn.config;
    exports io.firn.error;

    // The command line is read into the fields of its commands; nobody else needs picocli.
    opens io.firn.tool to info.picocli;
}
