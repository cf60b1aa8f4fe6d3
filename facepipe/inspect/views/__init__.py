"""The views: one module computes, the one called ``…_view`` shows. What several share is named for what it does."""
