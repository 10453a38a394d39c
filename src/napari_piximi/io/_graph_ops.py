"""The operations of graph models that are run: plain arithmetic on tensors, and nothing else.

Both TensorFlow.js and TensorFlow have them and agree on what they compute. Absent on purpose:
control flow and calls of functions, anything that draws random numbers, and whatever touches
files, tables, sets of resources or Python.
"""

__all__ = ["FUSED", "OPS"]

FUSED = {
    "_FusedConv2D": "Conv2D",
    "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
    "_FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
    "_FusedMatMul": "MatMul",
}
"""Operations that the converter of TensorFlow.js made of several, with the first of them."""

_STRUCTURE = """
    Const Placeholder PlaceholderWithDefault Identity IdentityN Snapshot StopGradient NoOp
    Shape ShapeN Size Rank Cast Pack Unpack Split SplitV Concat ConcatV2 Slice StridedSlice
    Reshape Squeeze ExpandDims Transpose Tile Fill Range ZerosLike OnesLike BroadcastTo Pad PadV2
    MirrorPad GatherV2 GatherNd ReverseV2 Reverse DepthToSpace SpaceToBatchND BatchToSpaceND OneHot
"""
_ARITHMETIC = """
    Add AddV2 AddN BiasAdd Sub Mul Div RealDiv DivNoNan FloorDiv FloorMod Mod Pow
    SquaredDifference Maximum Minimum Neg Abs Sign Exp Expm1 Log Log1p Sqrt Rsqrt Square
    Reciprocal Inv Floor Ceil Round Sin Cos Tan Asin Acos Atan Atan2 Sinh Cosh Tanh Erf
    ClipByValue Greater GreaterEqual Less LessEqual Equal NotEqual LogicalAnd LogicalOr LogicalNot
    Select SelectV2 Where
"""
_LAYERS = """
    Conv1D Conv2D Conv2DBackpropInput DepthwiseConv2d DepthwiseConv2dNative Conv3D MaxPool AvgPool
    MaxPool3D AvgPool3D FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 LRN MatMul BatchMatMul
    BatchMatMulV2 Einsum Relu Relu6 Elu Selu LeakyRelu Prelu Sigmoid Softmax LogSoftmax Softplus
    ResizeBilinear ResizeNearestNeighbor CropAndResize
"""
_REDUCTIONS = """
    Sum Mean Max Min Prod All Any ArgMax ArgMin Cumsum TopKV2 NonMaxSuppressionV3
    NonMaxSuppressionV4 NonMaxSuppressionV5
"""
OPS = frozenset((_STRUCTURE + _ARITHMETIC + _LAYERS + _REDUCTIONS).split()) | FUSED.keys()
"""By TensorFlow's names."""
