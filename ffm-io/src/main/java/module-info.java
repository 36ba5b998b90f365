/** Off-heap memory and files. Only the budget is for everybody; the other rooms are for the engine. */
module io.firn.ffm {
    requires static transitive org.jspecify;
    requires static com.github.luben.zstd_jni;
    requires static org.lz4.java;

    exports io.firn.ffm.budget;
    exports io.firn.ffm.codec to io.firn;
    exports io.firn.ffm.file to io.firn;
    exports io.firn.ffm.memory to io.firn;
}
